import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ListSink } from "../../../../test/support/field-lists.ts";
import {
  bytesOf,
  decoderAt,
  decodeSection,
  drain,
  feedEncoderStream,
  outcomeOf,
  ROOMY_QPACK_LIMITS,
  setCapacity,
} from "../../../../test/support/qpack-lists.ts";
import { nameIdOf, PseudoId } from "../../field-codec/name-id.ts";
import type { FieldSink, FieldView } from "../../field-codec/field-view.ts";
import { FieldId } from "../../http/field-id.ts";
import { Fields } from "../../http/fields.ts";
import { QpackDecoder } from "./decoder.ts";
import { QpackCode, QpackOutcome } from "./qpack-code.ts";
import { MAX_FEEDBACK_BYTES } from "./qpack-limits.ts";
import { STATIC_FIELDS } from "./static-table.ts";

/** Inserts a: b, c: d and e: f into an empty table. */
const THREE_ENTRIES = "4161 0162 4163 0164 4165 0166";

function feedbackOf(decoder: QpackDecoder): string {
  return drain(decoder.feedback).toString("hex");
}

function withEntries(instructions = THREE_ENTRIES, capacity = 4096): QpackDecoder {
  const decoder = decoderAt(capacity);
  assert.ok(feedEncoderStream(decoder, instructions), decoder.reason);
  drain(decoder.feedback);
  return decoder;
}

function refuses(section: string, reason: RegExp, decoder = decoderAt(4096)): void {
  assert.equal(outcomeOf(decoder, section, 64), QpackOutcome.error, section);
  assert.match(decoder.reason, reason, section);
  assert.equal(decoder.code, QpackCode.decompressionFailed);
}

describe("the examples of RFC 9204 appendix B", () => {
  it("decode, one after the other on a connection", () => {
    const decoder = new QpackDecoder({ ...ROOMY_QPACK_LIMITS, maxTableBytes: 220 });
    assert.deepEqual(decodeSection(decoder, "0000 510b 2f69 6e64 6578 2e68 746d 6c").list, [
      [":path", "/index.html"],
    ]);
    assert.equal(feedbackOf(decoder), "", "what refers to nothing is not acknowledged");

    const inserts = "3fbd01 c00f 7777 772e 6578 616d 706c 652e 636f 6d c10c 2f73 616d 706c 652f 7061 7468";
    assert.equal(outcomeOf(decoder, "0381 1011", 4), QpackOutcome.blocked);
    assert.equal(decoder.nextUnblocked(), -1);
    assert.ok(feedEncoderStream(decoder, inserts));
    assert.equal(decoder.nextUnblocked(), 4);
    assert.equal(decoder.nextUnblocked(), -1);
    assert.deepEqual(decodeSection(decoder, "0381 1011", 4).list, [
      [":authority", "www.example.com"],
      [":path", "/sample/path"],
    ]);
    assert.equal(feedbackOf(decoder), "0284", "Insert Count Increment, Section Acknowledgment");

    assert.ok(feedEncoderStream(decoder, "4a63 7573 746f 6d2d 6b65 790c 6375 7374 6f6d 2d76 616c 7565"));
    assert.equal(feedbackOf(decoder), "01");

    assert.ok(feedEncoderStream(decoder, "02"));
    assert.deepEqual(decodeSection(decoder, "0500 80c1 81", 8).list, [
      [":authority", "www.example.com"],
      [":path", "/"],
      ["custom-key", "custom-value"],
    ]);
    assert.equal(feedbackOf(decoder), "0188");
    decoder.cancel(8);
    assert.equal(feedbackOf(decoder), "48");

    assert.ok(feedEncoderStream(decoder, "810d 6375 7374 6f6d 2d76 616c 7565 32"));
    assert.deepEqual(decodeSection(decoder, "0600 80", 12).list, [["custom-key", "custom-value2"]]);
    refuses("0600 84", /index/, decoder);
  });
});

describe("a field as it is shown", () => {
  it("is each entry of the static table, with the id of its name", () => {
    STATIC_FIELDS.forEach(([name, value], index) => {
      const line = index < 63 ? Buffer.from([0xc0 | index]) : Buffer.from([0xff, index - 63]);
      const { list, ids, malformed } = decodeSection(decoderAt(0), Buffer.concat([Buffer.alloc(2), line]));
      assert.deepEqual(list, [[name, value]]);
      const bytes = Buffer.from(name, "latin1");
      assert.deepEqual(ids, [nameIdOf(bytes, 0, bytes.length)]);
      assert.deepEqual(malformed, []);
    });
    assert.equal(STATIC_FIELDS.length, 99);
  });

  it("comes by each representation, relative to Base on both sides", () => {
    const decoder = withEntries();
    // Base is 2 of 3: e is behind it.
    const { list } = decodeSection(decoder, "0480 80 81 10 4101 78 00 0179 5001 7a 2177 0178");
    assert.deepEqual(list, [
      ["c", "d"],
      ["a", "b"],
      ["e", "f"],
      ["a", "x"],
      ["e", "y"],
      [":authority", "z"],
      ["w", "x"],
    ]);
  });

  it("may have Base above everything that is there", () => {
    assert.deepEqual(decodeSection(withEntries(), "0405 85 86 87").list, [
      ["e", "f"],
      ["c", "d"],
      ["a", "b"],
    ]);
  });

  it("keeps the mark of a literal that is never indexed", () => {
    const never = (lines: string) => decodeSection(withEntries(), `0400 ${lines}`).never;
    assert.deepEqual(never("7f45 0161 5f45 0161 cb"), ["authorization"]);
    assert.deepEqual(never("6001 78 4001 78"), ["e"]);
    assert.deepEqual(never("3170 0171 2170 0171 80"), ["p"]);
    assert.deepEqual(decodeSection(withEntries(), "0480 0801 78 0001 78").never, ["e"]);
  });

  it("has the id of a literal name, and of one from the dynamic table", () => {
    const text = Buffer.from("x-real-ip", "latin1");
    const insert = Buffer.concat([Buffer.from([0x40 | text.length]), text, bytesOf("0161")]);
    const { ids } = decodeSection(withEntries(insert.toString("hex")), "0200 80 4001 62");
    assert.deepEqual(ids, [FieldId.xRealIp, FieldId.xRealIp]);
    const literal = Buffer.concat([bytesOf("0000 2702"), text, bytesOf("0161")]);
    assert.deepEqual(decodeSection(decoderAt(0), literal).ids, [FieldId.xRealIp]);
    assert.deepEqual(decodeSection(decoderAt(0), "0000 c1 d1").ids, [PseudoId.path, PseudoId.method]);
  });

  it("is a line as the field list copies them", () => {
    const fields = new Fields();
    const sink: FieldSink = { onField: (field: FieldView) => void fields.addLine(field) };
    const section = bytesOf("0400 80 4101 78 f4 2178 00");
    const decoder = withEntries();
    assert.equal(decoder.decode(0, section, 0, section.length, sink), QpackOutcome.complete);
    const lines = "e: f\r\nc: x\r\ncontent-type: text/html; charset=utf-8\r\nx: \r\n";
    assert.equal(fields.bytes.latin1Slice(0, fields.length), lines);
  });

  it("is not well-formed when its octets are not, also when it comes from the table", () => {
    const malformed = (name: string, value: string) => {
      const octets = [Buffer.from([0x40 | name.length]), Buffer.from(name, "latin1")];
      const insert = Buffer.concat([...octets, Buffer.from([value.length]), Buffer.from(value, "latin1")]);
      const found = decodeSection(withEntries(insert.toString("hex")), "0200 80").malformed;
      return found.length > 0;
    };
    for (const name of ["", "A", "a b", ":", ":unknown", "a\0", "a\n", "\xe9"])
      assert.ok(malformed(name, "v"));
    for (const value of [" v", "v\t", "a\0b", "a\rb", "a\nb"]) assert.ok(malformed("n", value));
    assert.ok(!malformed(":path", "/"));
    assert.ok(!malformed("x-1", "a\tb\xff"));
  });
});

describe("a section that is no QPACK", () => {
  it("is refused when its prefix is cut or cannot be", () => {
    refuses("", /integer/);
    refuses("00", /integer/);
    refuses("ff", /integer/);
    refuses("00ff", /integer/);
    refuses("ffffffffff7f 00", /integer/);
    refuses("00 ffffffffffff", /integer/);
    refuses("0081", /Base/);
    refuses("0080", /Base/);
    refuses("0483", /Base/, withEntries());
    // No entry was ever inserted, and a count of 0 has another form.
    refuses("0100", /Count/);
    refuses("ff0300", /Count/);
    refuses("0200", /Count/, decoderAt(0));
    refuses("0200", /Count/, decoderAt(31));
  });

  it("is refused for indices that are in no table", () => {
    refuses("0000 ff24", /index/);
    refuses("0000 80", /index/);
    refuses("0000 10", /index/);
    refuses("0000 0001 61", /index/);
    refuses("0000 4001 61", /index/);
    refuses("0000 5f5401 61", /index/);
    refuses("0400 83", /index/, withEntries());
    refuses("0400 10", /index/, withEntries());
  });

  it("is refused for entries that its Required Insert Count does not include, or that are evicted", () => {
    // Base is 2: index 0 behind it is the third entry, and the count includes two.
    refuses("0300 10", /index/, withEntries());
    refuses("0300 0001 61", /index/, withEntries());
    refuses("0301 80", /index/, withEntries());
    // A table of two entries.
    refuses("0400 82", /index/, withEntries(THREE_ENTRIES, 68));
    assert.deepEqual(decodeSection(withEntries(THREE_ENTRIES, 68), "0400 81").list, [["c", "d"]]);
  });

  it("is refused for strings that are cut or wrong in Huffman code", () => {
    refuses("0000 27", /string/);
    refuses("0000 21", /string/);
    refuses("0000 2161", /string/);
    refuses("0000 2161 02 61", /string/);
    refuses("0000 51", /string/);
    refuses("0000 51ff", /string/);
    refuses("0000 5181ff", /string/);
    refuses("0000 29ff 00", /string/);
    refuses("0000 3f", /string/);
    refuses("0000 bf", /integer/);
  });

  it("ends the connection: nothing is decoded any longer", () => {
    const decoder = decoderAt(4096);
    refuses("0000 80", /index/, decoder);
    assert.equal(outcomeOf(decoder, "0000 c1"), QpackOutcome.error);
    assert.equal(feedEncoderStream(decoder, "4161 0162"), false);
    assert.equal(decoder.nextUnblocked(), -1);
    decoder.cancel(4);
    assert.equal(decoder.feedback.length, 0);
  });

  it("has shown what stood before the mistake", () => {
    const sink = new ListSink();
    assert.equal(outcomeOf(decoderAt(0), "0000 c1 d1 80", 0, sink), QpackOutcome.error);
    assert.equal(sink.list.length, 2);
  });
});

describe("blocked streams", () => {
  it("are named when what they need has come, in the order in which they came", () => {
    const decoder = decoderAt(4096);
    assert.equal(outcomeOf(decoder, "0400 80", 4), QpackOutcome.blocked);
    assert.equal(outcomeOf(decoder, "0200 80", 8), QpackOutcome.blocked);
    assert.equal(outcomeOf(decoder, "0200 80", 12), QpackOutcome.blocked);
    assert.ok(feedEncoderStream(decoder, "4161 0162"));
    assert.deepEqual(
      [decoder.nextUnblocked(), decoder.nextUnblocked(), decoder.nextUnblocked()],
      [8, 12, -1],
    );
    assert.ok(feedEncoderStream(decoder, "4163 0164 4165 0166"));
    assert.deepEqual([decoder.nextUnblocked(), decoder.nextUnblocked()], [4, -1]);
    assert.deepEqual(decodeSection(decoder, "0400 80", 4).list, [["e", "f"]]);
  });

  it("are no more than we allow", () => {
    const decoder = decoderAt(4096, { maxBlockedStreams: 2 });
    assert.equal(outcomeOf(decoder, "0200", 0), QpackOutcome.blocked);
    assert.equal(outcomeOf(decoder, "0200", 4), QpackOutcome.blocked);
    assert.equal(outcomeOf(decoder, "0200", 4), QpackOutcome.blocked, "the same stream counts once");
    refuses("0200", /blocked/, decoder);
    refuses("0200", /blocked/, decoderAt(4096, { maxBlockedStreams: 0 }));
  });

  it("count no longer when they are cancelled", () => {
    const decoder = decoderAt(4096, { maxBlockedStreams: 1 });
    assert.equal(outcomeOf(decoder, "0200", 0), QpackOutcome.blocked);
    decoder.cancel(0);
    assert.equal(outcomeOf(decoder, "0200", 4), QpackOutcome.blocked);
    assert.ok(feedEncoderStream(decoder, "4161 0162"));
    assert.deepEqual([decoder.nextUnblocked(), decoder.nextUnblocked()], [4, -1]);
  });
});

describe("a section over its limits", () => {
  const entryBytes = 34;

  it("is shown up to the limit, and the connection goes on", () => {
    const decoder = decoderAt(4096, { maxFieldSectionBytes: 2 * entryBytes });
    assert.ok(feedEncoderStream(decoder, THREE_ENTRIES));
    drain(decoder.feedback);
    const sink = new ListSink();
    assert.equal(outcomeOf(decoder, "0400 80 81 82 80", 4, sink), QpackOutcome.tooLarge);
    assert.equal(sink.list.length, 2);
    assert.equal(feedbackOf(decoder), "84", "it was processed, so it is acknowledged");
    assert.deepEqual(decodeSection(decoder, "0400 80 81", 8).list, [
      ["e", "f"],
      ["c", "d"],
    ]);
    assert.equal(decoder.sectionBytes, 2 * entryBytes);
    assert.equal(decoder.fieldCount, 2);
  });

  it("is over the limit of fields as well", () => {
    const decoder = decoderAt(0, { maxFields: 2 });
    assert.equal(outcomeOf(decoder, "0000 c1 d1"), QpackOutcome.complete);
    const sink = new ListSink();
    assert.equal(outcomeOf(decoder, "0000 c1 d1 d7", 4, sink), QpackOutcome.tooLarge);
    assert.equal(sink.list.length, 2);
    assert.equal(decoder.code, QpackCode.none);
  });

  it("costs no more than its limit, however much it refers to", () => {
    const decoder = decoderAt(4096, { maxFieldSectionBytes: 16_384 });
    const insert = Buffer.concat([bytesOf("4161 7fa11e"), Buffer.alloc(4000, "v")]);
    assert.ok(feedEncoderStream(decoder, insert));
    const sink = new ListSink();
    const bomb = Buffer.concat([bytesOf("0200"), Buffer.alloc(60_000, 0x80)]);
    assert.equal(outcomeOf(decoder, bomb, 4, sink), QpackOutcome.tooLarge);
    assert.equal(sink.list.length, 4);
    assert.ok(decoder.sectionBytes < 16_384 + 4096);
  });
});

describe("the decoder stream", () => {
  it("says each insertion and each section that refers to one, once", () => {
    const decoder = decoderAt(4096);
    assert.ok(feedEncoderStream(decoder, THREE_ENTRIES));
    assert.equal(feedbackOf(decoder), "03");
    decodeSection(decoder, "0400 80", 4);
    decodeSection(decoder, "0000 c1", 8);
    decodeSection(decoder, "0200 80", 4);
    assert.equal(feedbackOf(decoder), "8484");
    decodeSection(decoder, "0200 80", 127);
    decodeSection(decoder, "0200 80", 2 ** 32);
    assert.equal(feedbackOf(decoder), "ff00ff81ffffff0f");
    decoder.cancel(63);
    assert.equal(feedbackOf(decoder), "7f00");
  });

  it("is not used without a dynamic table", () => {
    const decoder = decoderAt(0);
    decodeSection(decoder, "0000 c1", 4);
    decoder.cancel(4);
    assert.ok(feedEncoderStream(decoder, setCapacity(0)));
    assert.equal(decoder.feedback.length, 0);
  });

  it("ends the connection when the peer does not read it", () => {
    const decoder = withEntries();
    const section = bytesOf("0400 80");
    let outcome: QpackOutcome = QpackOutcome.complete;
    let turns = 0;
    for (; outcome === QpackOutcome.complete && turns <= MAX_FEEDBACK_BYTES; turns++)
      outcome = decoder.decode(4, section, 0, section.length, new ListSink());
    assert.equal(outcome, QpackOutcome.error);
    assert.equal(decoder.code, QpackCode.excessiveLoad);
    assert.equal(turns, MAX_FEEDBACK_BYTES + 1);
    assert.ok(decoder.feedback.length <= MAX_FEEDBACK_BYTES + 16);
  });
});

describe("any input", () => {
  const sections = ["0400 80 81 82 10", "0480 80 81 10 4101 78 00 0179 5001 7a 2177 0178", "0000 c1 d1 d7"];

  it("may end anywhere", () => {
    for (const section of sections.map(bytesOf))
      for (let end = 0; end <= section.length; end++) outcomeOf(withEntries(), section.subarray(0, end));
  });

  it("ends with an outcome, and within the bounds", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...sections.map(bytesOf), bytesOf("80"), bytesOf("4161 0162"), bytesOf("c1")),
    );
    const step = fc.record({ stream: fc.nat({ max: 3 }), pieces: fc.array(piece, { maxLength: 6 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
        const limits = { maxFieldSectionBytes: 200, maxFields: 5, maxBlockedStreams: 2 };
        const decoder = decoderAt(200, limits);
        for (const { stream, pieces } of steps) {
          const bytes = Buffer.concat(pieces);
          if (stream === 0) feedEncoderStream(decoder, bytes);
          else decodeAny(decoder, stream, bytes);
        }
      }),
      { numRuns: 500 },
    );
  });

  function decodeAny(decoder: QpackDecoder, stream: number, section: Buffer): void {
    const sink = new ListSink();
    const outcome = outcomeOf(decoder, section, stream, sink);
    const shown = sink.list.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    assert.ok(shown <= 200 && sink.list.length <= 5);
    if (outcome === QpackOutcome.complete) assert.equal(shown, decoder.sectionBytes);
    if (outcome === QpackOutcome.blocked) assert.equal(shown, 0);
    assert.equal(outcome === QpackOutcome.error, decoder.code !== QpackCode.none);
    assert.equal(decoder.reason !== "", decoder.code !== QpackCode.none);
  }
});
