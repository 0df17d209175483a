import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addField, type FieldList } from "../../../../test/support/field-lists.ts";
import {
  bytesOf,
  decoderAt,
  decodeSection,
  drain,
  encodeSection,
  feedEncoderStream,
  outcomeOf,
} from "../../../../test/support/qpack-lists.ts";
import { PSEUDO_NAMES, PseudoId } from "../../field-codec/name-id.ts";
import { FIELD_NAMES, FieldId } from "../../http/field-id.ts";
import { Fields } from "../../http/fields.ts";
import type { QpackDecoder } from "./decoder.ts";
import { encodedSectionBound, QpackEncoder } from "./encoder.ts";
import { MAX_OUTSTANDING_SECTIONS, MAX_WAITING_INSTRUCTION_BYTES } from "./qpack-limits.ts";
import { QpackOutcome } from "./qpack-code.ts";
import { STATIC_FIELDS } from "./static-table.ts";

const SERVER: FieldList = [["server", "backend"]];
/** As a literal with the name of the static table and the value in Huffman code. */
const SERVER_LITERAL = "00005f4d858c64ea5aa4";

function staticSection(list: FieldList): string {
  return encodeSection(new QpackEncoder(0), list).toString("hex");
}

/** An encoder with a dynamic table whose peer is ready. */
function dynamicEncoder(tableBytes = 4096, blockedStreams = 0): QpackEncoder {
  const encoder = new QpackEncoder(tableBytes);
  encoder.setPeerSettings(tableBytes, blockedStreams);
  return encoder;
}

function feedBack(encoder: QpackEncoder, instructions: Buffer | string): boolean {
  const bytes = bytesOf(instructions);
  return encoder.receiveDecoderStream(bytes, 0, bytes.length);
}

/** Everything that waits on either stream arrives. */
function exchange(encoder: QpackEncoder, decoder: QpackDecoder): void {
  assert.ok(feedEncoderStream(decoder, drain(encoder.instructions)), decoder.reason);
  assert.ok(feedBack(encoder, drain(decoder.feedback)), encoder.reason);
}

describe("the static table", () => {
  it("has each of its fields in one or two octets", () => {
    STATIC_FIELDS.forEach(([name, value], index) => {
      const isSecret = name === "cookie" || name === "set-cookie" || name === "authorization";
      if (isSecret) return;
      const line = index < 63 ? Buffer.from([0xc0 | index]) : Buffer.from([0xff, index - 63]);
      assert.equal(staticSection([[name, value]]), `0000${line.toString("hex")}`, `${name}: ${value}`);
    });
  });

  it("has the usual status codes, and the name of the others", () => {
    const encode = (status: number) => {
      const encoder = new QpackEncoder(0);
      const target = Buffer.alloc(64);
      encoder.begin(0, target, 5);
      encoder.addStatus(status);
      const end = encoder.end();
      return target.toString("hex", encoder.start, end);
    };
    assert.deepEqual([200, 304, 100, 204, 500].map(encode), [
      "0000d9",
      "0000da",
      "0000ff00",
      "0000ff01",
      "0000ff08",
    ]);
    assert.equal(encode(418), "00005f0903343138");
  });

  it("has names for values that it has not", () => {
    assert.equal(staticSection([[":path", "/x"]]), "000051022f78");
    assert.deepEqual(decodeSection(decoderAt(0), staticSection([["Content-Type", "a/b"]])).list, [
      ["content-type", "a/b"],
    ]);
    assert.equal(staticSection(SERVER), SERVER_LITERAL);
  });

  it("is all there is by default: nothing is sent on the encoder stream, whatever the peer offers", () => {
    const encoder = new QpackEncoder(0);
    encoder.setPeerSettings(65_536, 100);
    for (let i = 0; i < 3; i++) assert.equal(encodeSection(encoder, SERVER).toString("hex"), SERVER_LITERAL);
    assert.equal(encoder.instructions.length, 0);
  });
});

describe("names", () => {
  it("become lower-case, and come out as they went in, all that are known among them", () => {
    const names = FIELD_NAMES.filter((name) => name !== "");
    const others = ["X-Any", "x", "x-a-name-that-is-rather-long-and-in-no-table-at-all", "!#$%&'*+-.^_`|~"];
    const list: FieldList = [...names, ...others].map((name) => [name, `value of ${name}`]);
    const { list: seen, malformed } = decodeSection(decoderAt(0), staticSection(list));
    assert.deepEqual(
      seen,
      list.map(([name, value]) => [name.toLowerCase(), value]),
    );
    assert.deepEqual(malformed, []);
  });

  it("of pseudo-header fields come by id", () => {
    const list: FieldList = PSEUDO_NAMES.map(([, name]) => [name, "v"]);
    assert.deepEqual(decodeSection(decoderAt(0), staticSection(list)).list, list);
  });
});

describe("credentials", () => {
  const neverOf = (list: FieldList) => decodeSection(decoderAt(0), staticSection(list)).never;

  it("are never indexed", () => {
    const secret: FieldList = [
      ["Authorization", "Bearer x"],
      ["Proxy-Authorization", "Basic x"],
      ["X-API-Key", "x"],
      ["Cookie", "short"],
    ];
    assert.deepEqual(
      neverOf(secret),
      secret.map(([name]) => name.toLowerCase()),
    );
    assert.deepEqual(neverOf([["cookie", "a-value-that-nobody-guesses"]]), []);
  });

  it("are never indexed when they came so, whatever their name", () => {
    for (const name of ["x-plain", "server"]) {
      const fields = new Fields();
      fields.markNeverIndexed(addField(fields, name, "v"));
      const encoder = dynamicEncoder();
      const target = Buffer.alloc(encodedSectionBound(fields, 0, 0));
      for (let i = 0; i < 3; i++) {
        encoder.begin(0, target, 0);
        encoder.addField(fields, 0);
        const end = encoder.end();
        assert.deepEqual(decodeSection(decoderAt(0), target.subarray(encoder.start, end)).never, [name]);
      }
      assert.equal(drain(encoder.instructions).toString("hex"), "3fe11f", "only the capacity was said");
    }
  });
});

describe("the dynamic table", () => {
  it("begins with the smaller of both capacities, when the settings have come", () => {
    const capacityOf = (own: number, peer: number) => {
      const encoder = new QpackEncoder(own);
      encodeSection(encoder, SERVER);
      assert.equal(encoder.instructions.length, 0);
      encoder.setPeerSettings(peer, 0);
      return drain(encoder.instructions).toString("hex");
    };
    assert.equal(capacityOf(4096, 65_536), "3fe11f");
    assert.equal(capacityOf(4096, 220), "3fbd01");
    assert.equal(capacityOf(30, 220), "3e");
    assert.equal(capacityOf(4096, 0), "");
  });

  it("takes what repeats, and is referred to once the peer has it", () => {
    const encoder = dynamicEncoder();
    const decoder = decoderAt(4096, { maxBlockedStreams: 0 });
    assert.equal(encodeSection(encoder, SERVER, 0).toString("hex"), SERVER_LITERAL);
    assert.equal(encodeSection(encoder, SERVER, 4).toString("hex"), SERVER_LITERAL, "not acknowledged");
    exchange(encoder, decoder);
    const third = encodeSection(encoder, SERVER, 8);
    assert.equal(third.toString("hex"), "020080");
    assert.deepEqual(decodeSection(decoder, third, 8).list, SERVER);
    exchange(encoder, decoder);
    assert.equal(encoder.instructions.length, 0);
  });

  it("is referred to before the peer says that it has it, by as many sections as may be blocked", () => {
    const encoder = dynamicEncoder(4096, 2);
    encodeSection(encoder, SERVER, 0);
    assert.equal(encodeSection(encoder, SERVER, 4).toString("hex"), SERVER_LITERAL, "QUIC has not taken it");
    const instructions = drain(encoder.instructions);
    const lengths = [8, 12, 16].map((id) => encodeSection(encoder, SERVER, id).length);
    assert.deepEqual(lengths, [3, 3, SERVER_LITERAL.length / 2]);
    const decoder = decoderAt(4096, { maxBlockedStreams: 2 });
    assert.equal(outcomeOf(decoder, "020080", 8), QpackOutcome.blocked);
    assert.ok(feedEncoderStream(decoder, instructions));
    assert.deepEqual(decodeSection(decoder, "020080", decoder.nextUnblocked()).list, SERVER);
    assert.ok(feedBack(encoder, drain(decoder.feedback)));
    assert.equal(encodeSection(encoder, SERVER, 20).length, 3);
  });

  it("evicts no entry that the peer has not acknowledged", () => {
    // Room for four entries.
    const encoder = dynamicEncoder(180);
    const decoder = decoderAt(180);
    const fill = (values: readonly string[]) => {
      for (const value of values) encodeSection(encoder, [["server", value]], 0);
      return drain(encoder.instructions);
    };
    const four = fill(["a", "b", "c", "d"]);
    assert.deepEqual(fill(["e", "f"]), Buffer.alloc(0), "full, and nothing may go");
    assert.ok(feedEncoderStream(decoder, four));
    assert.ok(feedBack(encoder, drain(decoder.feedback)));
    assert.ok(fill(["g"]).length > 0);
  });

  it("evicts no entry that a section on its way refers to, until it is acknowledged or cancelled", () => {
    for (const answer of ["84", "44"]) {
      const encoder = dynamicEncoder(180);
      const decoder = decoderAt(180);
      const insert = (value: string) => encodeSection(encoder, [["server", value]], 0);
      for (const value of ["a", "b", "c", "d"]) insert(value);
      exchange(encoder, decoder);
      assert.equal(encodeSection(encoder, [["server", "a"]], 4).toString("hex"), "020383");
      insert("e");
      assert.equal(encoder.instructions.length, 0);
      assert.ok(feedBack(encoder, answer));
      insert("e");
      assert.ok(encoder.instructions.length > 0);
    }
  });

  it("duplicates what is about to be evicted and is still in use", () => {
    const encoder = dynamicEncoder(400);
    const decoder = decoderAt(400);
    const value = (i: number): FieldList => [["server", `value-${i}`]];
    for (let i = 0; i < 8; i++) encodeSection(encoder, value(i), 0);
    exchange(encoder, decoder);
    assert.equal(encodeSection(encoder, value(1), 4).length, 3);
    assert.ok(feedBack(encoder, "84"));
    const literal = encodeSection(encoder, value(0), 8);
    assert.equal(drain(encoder.instructions).toString("hex"), "07");
    assert.deepEqual(decodeSection(decoder, literal, 8).list, value(0));
    assert.ok(feedEncoderStream(decoder, "07"));
    assert.ok(feedBack(encoder, drain(decoder.feedback)));
    const again = encodeSection(encoder, value(0), 12);
    assert.equal(again.length, 3);
    assert.deepEqual(decodeSection(decoder, again, 12).list, value(0));
  });

  it("grows no longer while QUIC takes no instructions", () => {
    const encoder = dynamicEncoder();
    const decoder = decoderAt(4096);
    const value = "v".repeat(900);
    let longest = 0;
    for (let i = 0; i < 100; i++) {
      encodeSection(encoder, [["server", `${i}${value}`]], 0);
      longest = Math.max(longest, encoder.instructions.length);
      // The peer says what it cannot have: that it has everything, so that only the queue holds back.
      feedBack(encoder, "01");
    }
    assert.ok(longest > MAX_WAITING_INSTRUCTION_BYTES);
    assert.ok(longest <= MAX_WAITING_INSTRUCTION_BYTES + 1100);
    const waiting = encoder.instructions.length;
    encodeSection(encoder, SERVER, 0);
    assert.equal(encoder.instructions.length, waiting);
    assert.ok(feedEncoderStream(decoder, drain(encoder.instructions)));
    encodeSection(encoder, SERVER, 0);
    assert.ok(encoder.instructions.length > 0);
  });

  it("is not referred to by more sections than are kept in mind", () => {
    const encoder = dynamicEncoder();
    const decoder = decoderAt(4096);
    encodeSection(encoder, SERVER, 0);
    exchange(encoder, decoder);
    for (let i = 0; i < MAX_OUTSTANDING_SECTIONS; i++)
      assert.equal(encodeSection(encoder, SERVER, 4).length, 3);
    assert.equal(encodeSection(encoder, SERVER, 8).toString("hex"), SERVER_LITERAL);
    assert.ok(feedBack(encoder, "84"));
    assert.equal(encodeSection(encoder, SERVER, 8).length, 3);
  });
});

describe("a decoder stream that is wrong", () => {
  const refuses = (instructions: string, reason: RegExp, encoder = dynamicEncoder()) => {
    assert.equal(feedBack(encoder, instructions), false, instructions);
    assert.match(encoder.reason, reason);
    assert.equal(feedBack(encoder, "44"), false, "it stays wrong");
  };

  it("acknowledges what there is not", () => {
    refuses("80", /section/);
    refuses("01", /Increment/);
    refuses("00", /Increment/);
    refuses("00", /Increment/, new QpackEncoder(0));
    refuses("84", /section/, new QpackEncoder(0));
    const encoder = dynamicEncoder();
    encodeSection(encoder, SERVER, 0);
    assert.ok(feedBack(encoder, "01"));
    refuses("01", /Increment/, encoder);
  });

  it("holds an integer that is too large", () => {
    refuses("3fffffffffffffffffff", /integer/);
    refuses("ffffffffffffffffffff", /integer/);
  });

  it("is not one that cancels what there is not", () => {
    assert.ok(feedBack(new QpackEncoder(0), "44 7f00 7fff"));
    assert.ok(feedBack(dynamicEncoder(), "44"));
  });

  it("is read cut anywhere", () => {
    const encoder = dynamicEncoder();
    const decoder = decoderAt(4096);
    encodeSection(encoder, SERVER, 0);
    exchange(encoder, decoder);
    encodeSection(encoder, SERVER, 2 ** 40);
    const acknowledgment = bytesOf("ff81ffffffff1f");
    for (let i = 0; i < acknowledgment.length; i++)
      assert.ok(encoder.receiveDecoderStream(acknowledgment, i, i + 1));
    refuses("ff81ffffffff1f", /section/, encoder);
  });
});

describe("a section", () => {
  it("fits its bound, with the longest names and lengths", () => {
    const list: FieldList = [
      ["x".repeat(300), "\x01".repeat(300)],
      ["access-control-request-headers", "~".repeat(127)],
      ["content-security-policy", "~"],
    ];
    const fields = new Fields();
    for (const [name, value] of list) addField(fields, name, value);
    const encoder = dynamicEncoder();
    const target = Buffer.alloc(encodedSectionBound(fields, 2, 4) + 100, 0xee);
    encoder.begin(0, target, 3);
    encoder.addText(PseudoId.path, "~~~~");
    encoder.addNumber(FieldId.contentLength, Number.MAX_SAFE_INTEGER);
    for (let i = 0; i < fields.count; i++) encoder.addField(fields, i);
    const end = encoder.end();
    assert.ok(end <= target.length - 100 + 3);
    assert.ok(encoder.start >= 3);
    assert.deepEqual(target.subarray(0, 3), Buffer.alloc(3, 0xee));
  });

  it("takes values from any store", () => {
    const fields = new Fields();
    const start = fields.addText("/a/path");
    const encoder = new QpackEncoder(0);
    const target = Buffer.alloc(256);
    encoder.begin(0, target, 0);
    encoder.addSpan(PseudoId.path, fields, start, start + 7);
    const end = encoder.end();
    assert.deepEqual(decodeSection(decoderAt(0), target.subarray(encoder.start, end)).list, [
      [":path", "/a/path"],
    ]);
  });

  it("holds no control character from a text of ours", () => {
    assert.throws(() => encodeSection(new QpackEncoder(0), [[":path", "/\r\n"]]));
  });

  it("belongs to a table of a size that there is", () => {
    assert.throws(() => new QpackEncoder(-1));
    assert.throws(() => new QpackEncoder(4097));
  });
});
