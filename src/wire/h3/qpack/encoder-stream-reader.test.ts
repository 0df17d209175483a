import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesOf, setCapacity } from "../../../../test/support/qpack-lists.ts";
import { FieldScratch } from "../../field-codec/field-scratch.ts";
import { FieldView } from "../../field-codec/field-view.ts";
import { EncoderStreamReader } from "./encoder-stream-reader.ts";

const CAPACITY = 400;

function readerAt(capacity = CAPACITY): EncoderStreamReader {
  const reader = new EncoderStreamReader(capacity, new FieldScratch());
  assert.ok(feed(reader, setCapacity(capacity)), reader.reason);
  return reader;
}

function feed(reader: EncoderStreamReader, instructions: Buffer | string): boolean {
  const bytes = bytesOf(instructions);
  return reader.receive(bytes, 0, bytes.length);
}

/** The newest first. */
function entriesOf({ table }: EncoderStreamReader): string[] {
  const view = new FieldView();
  return Array.from({ length: table.count }, (_, age) => {
    table.show((table.newest - age) | 0, view);
    const { source, nameStart, nameEnd, valueStart, valueEnd } = view;
    return `${source.latin1Slice(nameStart, nameEnd)}=${source.latin1Slice(valueStart, valueEnd)}`;
  });
}

function refuses(instructions: Buffer | string, reason: RegExp, reader = readerAt()): void {
  const { insertCount } = reader;
  assert.equal(feed(reader, instructions), false);
  assert.match(reader.reason, reason);
  assert.equal(reader.insertCount, insertCount);
}

describe("instructions", () => {
  it("insert with a name of the static table, of the dynamic one, and of their own", () => {
    const reader = readerAt();
    assert.ok(feed(reader, "4161 0162 c10163 810164"));
    assert.deepEqual(entriesOf(reader), ["a=d", ":path=c", "a=b"]);
    assert.equal(reader.insertCount, 3);
  });

  it("insert strings in Huffman code", () => {
    const reader = readerAt();
    assert.ok(feed(reader, "61 1f 81 1f"));
    assert.deepEqual(entriesOf(reader), ["a=a"]);
  });

  it("duplicate", () => {
    const reader = readerAt();
    assert.ok(feed(reader, "4161 0162 4163 0164 01"));
    assert.deepEqual(entriesOf(reader), ["a=b", "c=d", "a=b"]);
  });

  it("may evict the entry that they name", () => {
    const one = readerAt(34);
    assert.ok(feed(one, "4161 0162 00"));
    assert.deepEqual(entriesOf(one), ["a=b"]);
    assert.ok(feed(one, "80 0163"));
    assert.deepEqual(entriesOf(one), ["a=c"]);
    assert.equal(one.insertCount, 3);
  });

  it("set the capacity, and evict with that", () => {
    const reader = readerAt();
    assert.ok(feed(reader, "4161 0162 4163 0164"));
    assert.ok(feed(reader, setCapacity(67)));
    assert.deepEqual(entriesOf(reader), ["c=d"]);
    assert.ok(feed(reader, setCapacity(0)));
    assert.deepEqual(entriesOf(reader), []);
    assert.ok(feed(reader, setCapacity(CAPACITY)));
    assert.ok(feed(reader, "4165 0166"));
    assert.deepEqual(entriesOf(reader), ["e=f"]);
    assert.equal(reader.insertCount, 3);
  });
});

describe("a stream that is wrong", () => {
  it("sets a capacity above our limit", () => {
    refuses(setCapacity(CAPACITY + 1), /capacity/);
    refuses("3fe1c7afa025", /integer/);
    refuses("21", /capacity/, readerAt(0));
  });

  it("names entries that there are not", () => {
    refuses("00", /index/);
    refuses("01", /index/);
    refuses("80", /index/);
    refuses("ff24", /index/);
    // Known as wrong before the value is there.
    refuses("ff80ffffffff01", /integer/);
  });

  it("inserts what is larger than the table", () => {
    refuses("4161 0162", /larger/, readerAt(33));
    refuses("4161 0162", /larger/, readerAt(0));
    const value = Buffer.alloc(CAPACITY, "v");
    refuses(Buffer.concat([bytesOf("4161 7f9102"), value]), /larger/);
  });

  it("announces a string that can become no entry: nothing of it is waited for", () => {
    refuses("4161 7fc20c", /larger/);
    refuses("5fc20c", /larger/);
    refuses("4161 7fffffffff", /integer/);
    refuses("5fffffffff", /integer/);
  });

  it("has a wrong Huffman code", () => {
    refuses("61ff 00", /Huffman/);
    refuses("4161 82 1fff", /Huffman/);
  });

  it("has applied what stood before the mistake", () => {
    const reader = readerAt();
    assert.equal(feed(reader, "4161 0162 05"), false);
    assert.deepEqual(entriesOf(reader), ["a=b"]);
  });
});

describe("a stream that comes in pieces", () => {
  const long = Buffer.concat([bytesOf("4161 7fe100"), Buffer.alloc(224, "v")]);
  const stream = Buffer.concat([
    bytesOf("4161 0162 c10163 810164 01 3ff101 61 1f 81 1f"),
    long,
    bytesOf("00 4163 0164"),
  ]);

  it("means the same, cut anywhere", () => {
    const whole = readerAt();
    assert.ok(feed(whole, stream));
    const each = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(each, (sizes) => {
        const reader = readerAt();
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const end = Math.min(stream.length, at + (sizes[turn % sizes.length] as number));
          // A buffer of its own, which is gone after the call.
          const piece = Buffer.from(stream.subarray(at, end));
          assert.ok(reader.receive(piece, 0, piece.length), reader.reason);
          piece.fill(0xff);
          at = end;
        }
        assert.deepEqual(entriesOf(reader), entriesOf(whole));
        assert.equal(reader.insertCount, whole.insertCount);
      }),
    );
  });

  it("is wrong at the same place, cut anywhere", () => {
    const wrong = Buffer.concat([stream, bytesOf("1e 4161 0162")]);
    const reader = readerAt();
    let at = 0;
    while (at < wrong.length && reader.receive(wrong, at, at + 1)) at++;
    assert.equal(at, stream.length);
    assert.match(reader.reason, /index/);
  });
});
