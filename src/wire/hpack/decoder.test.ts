import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ListSink } from "../../../test/support/field-lists.ts";
import { decodeList, encodeList, ROOMY_LIMITS } from "../../../test/support/hpack-lists.ts";
import { FieldId } from "../http/field-id.ts";
import { Fields } from "../http/fields.ts";
import { HpackDecoder, HpackOutcome } from "./decoder.ts";
import { HpackEncoder } from "./encoder.ts";
import type { FieldSink, FieldView } from "../field-codec/field-view.ts";
import { FieldScratch } from "../field-codec/field-scratch.ts";
import { LIST_ABORT_FACTOR } from "./hpack-limits.ts";
import { nameIdOf, PseudoId } from "../field-codec/name-id.ts";
import { STATIC_FIELDS } from "./static-table.ts";

const DATE_21 = "Mon, 21 Oct 2013 20:13:21 GMT";
const DATE_22 = "Mon, 21 Oct 2013 20:13:22 GMT";
const LOCATION = "https://www.example.com";
const COOKIE = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

const REQUESTS = [
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ],
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];

const RESPONSES = [
  [
    [":status", "302"],
    ["cache-control", "private"],
    ["date", DATE_21],
    ["location", LOCATION],
  ],
  [
    [":status", "307"],
    ["cache-control", "private"],
    ["date", DATE_21],
    ["location", LOCATION],
  ],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", DATE_22],
    ["location", LOCATION],
    ["content-encoding", "gzip"],
    ["set-cookie", COOKIE],
  ],
];

/** Appendix C.3 to C.6; the tables of the responses have 256 octets. */
const VECTORS: Readonly<Record<string, readonly string[]>> = {
  "C.3": [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
  ],
  "C.4": [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
  ],
  "C.5": [
    `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
     3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    "4803 3330 37c1 c0bf",
    `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
     7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
     6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
  ],
  "C.6": [
    `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
     1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
    "4883 640e ffc1 c0bf",
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
     e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
  ],
};

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ""), "hex");
}

function decoderOf(limits = ROOMY_LIMITS): HpackDecoder {
  return new HpackDecoder(limits);
}

function outcomeOf(decoder: HpackDecoder, hex: string): HpackOutcome {
  const bytes = bytesOf(hex);
  return decoder.decode(bytes, 0, bytes.length, new ListSink());
}

function refuses(hex: string, reason: RegExp, decoder = decoderOf()): void {
  assert.equal(outcomeOf(decoder, hex), HpackOutcome.error, hex);
  assert.match(decoder.reason, reason);
}

describe("the vectors of RFC 7541 appendix C", () => {
  it("decode, in each representation", () => {
    const custom = decodeList(
      decoderOf(),
      "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
    );
    assert.deepEqual(custom.list, [["custom-key", "custom-header"]]);
    const path = decodeList(decoderOf(), "040c 2f73 616d 706c 652f 7061 7468");
    assert.deepEqual(path.list, [[":path", "/sample/path"]]);
    assert.deepEqual(path.never, []);
    const password = decodeList(decoderOf(), "1008 7061 7373 776f 7264 0673 6563 7265 74");
    assert.deepEqual(password.list, [["password", "secret"]]);
    assert.deepEqual(password.never, ["password"]);
    assert.deepEqual(decodeList(decoderOf(), "82").list, [[":method", "GET"]]);
  });

  it("decode one after the other on a connection", () => {
    for (const [name, blocks] of Object.entries(VECTORS)) {
      const decoder = decoderOf();
      if (name > "C.4") {
        decoder.setTableLimit(256);
        assert.equal(outcomeOf(decoder, "3fe101"), HpackOutcome.complete);
      }
      blocks.forEach((block, i) => {
        const expected = (name > "C.4" ? RESPONSES : REQUESTS)[i];
        const bytes = bytesOf(block);
        // In the middle of other octets, which must not matter.
        const around = Buffer.concat([Buffer.alloc(5, 0x82), bytes, Buffer.alloc(5, 0x82)]);
        const sink = new ListSink();
        assert.equal(decoder.decode(around, 5, 5 + bytes.length, sink), HpackOutcome.complete);
        assert.deepEqual(sink.list, expected, `${name}.${i + 1}`);
        assert.equal(decoder.fieldCount, expected?.length);
      });
    }
  });
});

describe("a field as it is shown", () => {
  it("has the id of its name when that is in the static table", () => {
    STATIC_FIELDS.forEach(([name, value], index) => {
      if (index === 0) return;
      const { list, ids } = decodeList(decoderOf(), Buffer.from([0x80 | index]));
      assert.deepEqual(list, [[name, value]]);
      const bytes = Buffer.from(name, "latin1");
      assert.deepEqual(ids, [nameIdOf(bytes, 0, bytes.length)]);
    });
    assert.deepEqual(decodeList(decoderOf(), "81 86 88 9f bd 92").ids, [
      PseudoId.authority,
      PseudoId.scheme,
      PseudoId.status,
      FieldId.contentType,
      FieldId.wwwAuthenticate,
      FieldId.other,
    ]);
  });

  it("has the id of its name also when that is a literal", () => {
    const ids = (name: string) => {
      const text = Buffer.from(name, "latin1");
      const block = Buffer.concat([Buffer.from([0x40, text.length]), text, Buffer.from([1, 0x61, 0xbe])]);
      return decodeList(decoderOf(), block).ids;
    };
    assert.deepEqual(ids("x-real-ip"), [FieldId.xRealIp, FieldId.xRealIp]);
    assert.deepEqual(ids(":protocol"), [PseudoId.protocol, PseudoId.protocol]);
    assert.deepEqual(ids(":path"), [PseudoId.path, PseudoId.path]);
    assert.deepEqual(ids("x-any"), [FieldId.other, FieldId.other]);
    assert.deepEqual(ids("X-Real-IP"), [FieldId.other, FieldId.other]);
  });

  it("is a line as the field list copies them", () => {
    const fields = new Fields();
    const sink: FieldSink = { onField: (field: FieldView) => void fields.addLine(field) };
    const decoder = decoderOf();
    const long = "v".repeat(300);
    const list: [string, string][] = [
      ["content-type", "text/html"],
      ["x-long", long],
      ["x-empty", ""],
      ["www-authenticate", ""],
    ];
    const encoder = new HpackEncoder();
    for (let i = 0; i < 3; i++) {
      fields.clear();
      const block = encodeList(encoder, list);
      assert.equal(decoder.decode(block, 0, block.length, sink), HpackOutcome.complete);
      assert.deepEqual(fields.toArray(), list);
      assert.equal(fields.id(0), FieldId.contentType);
      assert.equal(fields.id(3), FieldId.wwwAuthenticate);
      const written = fields.bytes.latin1Slice(0, fields.length);
      assert.equal(written, list.map(([name, value]) => `${name}: ${value}\r\n`).join(""));
    }
  });

  it("is not well-formed when its octets are not, also when it comes from the table", () => {
    const malformed = (name: string, value: string) => {
      const strings = [name, value].map((text) =>
        Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "latin1")]),
      );
      const block = Buffer.concat([Buffer.from([0x40]), ...strings, Buffer.from([0xbe])]);
      const { malformed: names } = decodeList(decoderOf(), block);
      assert.ok(names.length === 0 || names.length === 2, "the entry is judged as the literal was");
      return names.length > 0;
    };
    for (const name of [
      "",
      "A",
      "aB",
      "a b",
      "a:b",
      ":",
      ":unknown",
      ":Path",
      "a\0",
      "a\r",
      "a\n",
      "a\x7f",
      "\xe9",
    ])
      assert.ok(malformed(name, "v"), JSON.stringify(name));
    for (const value of [" v", "v ", "\tv", "v\t", "a\0b", "a\rb", "a\nb", "a\x7fb", "\x01", "aaaaa\nb"])
      assert.ok(malformed("n", value), JSON.stringify(value));
    for (const name of ["a", "a-b_c.d", "x-1", ":path", ":protocol", "!#$%&'*+-.^_`|~"])
      assert.ok(!malformed(name, "v"));
    for (const value of ["", "v", "a\tb", "a b", "\xe9\xff", "aaaa bbbb,cccc"])
      assert.ok(!malformed("n", value));
  });

  it("keeps the mark of a never-indexed literal, also with a name from a table", () => {
    assert.deepEqual(decodeList(decoderOf(), "1f 08 03 616263").never, ["authorization"]);
    assert.deepEqual(decodeList(decoderOf(), "0f 08 03 616263 82").never, []);
    assert.deepEqual(decodeList(decoderOf(), "1f 08 03 616263 82").never, ["authorization"]);
  });
});

describe("a block that is no HPACK", () => {
  it("is refused for indices that are in no table", () => {
    refuses("80", /index/);
    refuses("be", /index/);
    refuses("7e 0161", /index/);
    refuses("0f2f 0161", /index/);
    refuses("82 400161 0162 bf", /index/);
    const decoder = decoderOf();
    assert.equal(outcomeOf(decoder, "400161 0162 be"), HpackOutcome.complete);
    refuses("20 be", /index/, decoder);
  });

  it("is refused for integers and strings that are cut or too large", () => {
    refuses("ff", /integer/);
    refuses("ff80808080", /integer/);
    refuses("ffffffffff0f", /integer/);
    refuses("7fffffffffffff", /integer/);
    refuses("3fffffffffff", /integer/);
    refuses("40", /string/);
    refuses("4005 61", /string/);
    refuses("4001 61", /string/);
    refuses("4001 61 7fffffffffffff", /string/);
    refuses("4001 61 02 61", /string/);
  });

  it("is refused for padding and for the end of a string in Huffman code", () => {
    assert.deepEqual(decodeList(decoderOf(), "4001 61 81 1f").list, [["a", "a"]]);
    refuses("4001 61 82 1fff", /string/);
    refuses("4001 61 81 18", /string/);
    refuses("4001 61 84 ffffffff", /string/);
    refuses("4081 ff 0161", /string/);
    refuses("4082 1fff 0161", /string/);
    refuses("0482 1fff", /string/);
  });

  it("stays refused: the tables may differ from then on", () => {
    const decoder = decoderOf();
    refuses("80", /index/, decoder);
    assert.equal(outcomeOf(decoder, "82"), HpackOutcome.error);
  });

  it("has shown what stood before the mistake", () => {
    const sink = new ListSink();
    assert.equal(decoderOf().decode(Buffer.from("828680", "hex"), 0, 3, sink), HpackOutcome.error);
    assert.equal(sink.list.length, 2);
  });
});

describe("table size updates", () => {
  it("stand at the beginning of a block, two at most, not above our limit", () => {
    assert.equal(outcomeOf(decoderOf(), "20 3fe11f 82"), HpackOutcome.complete);
    assert.equal(outcomeOf(decoderOf(), "3fe11f"), HpackOutcome.complete);
    refuses("3fe21f 82", /above/);
    refuses("20 20 20 82", /too many/);
    refuses("82 20", /behind/);
    refuses("400161 0162 20", /behind/);
  });

  it("evict entries", () => {
    const decoder = decoderOf();
    assert.equal(outcomeOf(decoder, "400161 0162 400163 0164 be bf"), HpackOutcome.complete);
    assert.equal(outcomeOf(decoder, "3f03 be"), HpackOutcome.complete);
    refuses("bf", /index/, decoder);
  });

  it("must come when our limit was lowered below what the peer uses", () => {
    const lowered = () => {
      const decoder = decoderOf();
      decoder.setTableLimit(100);
      return decoder;
    };
    refuses("82", /no table size update/, lowered());
    refuses("3f46 82", /above/, lowered());
    assert.equal(outcomeOf(lowered(), "3f45 82"), HpackOutcome.complete);
    assert.equal(outcomeOf(lowered(), "20 3f45 82"), HpackOutcome.complete);
  });

  it("must come down to the lowest limit there was, and may go up again", () => {
    const changed = () => {
      const decoder = decoderOf();
      decoder.setTableLimit(0);
      decoder.setTableLimit(4096);
      return decoder;
    };
    refuses("3fe11f 82", /no table size update/, changed());
    refuses("82", /no table size update/, changed());
    const decoder = changed();
    assert.equal(outcomeOf(decoder, "20 3fe11f 82"), HpackOutcome.complete);
    assert.equal(outcomeOf(decoder, "82"), HpackOutcome.complete);
  });

  it("need not come when the limit was raised, or when the table is small enough already", () => {
    const decoder = decoderOf();
    decoder.setTableLimit(65_536);
    assert.equal(outcomeOf(decoder, "82"), HpackOutcome.complete);
    assert.equal(outcomeOf(decoder, "3fe1ff03 82"), HpackOutcome.complete);
    assert.equal(outcomeOf(decoder, "20"), HpackOutcome.complete);
    decoder.setTableLimit(100);
    assert.equal(outcomeOf(decoder, "82"), HpackOutcome.complete);
  });
});

describe("a list over its limits", () => {
  it("is shown up to the limit, and read to its end for the table's sake", () => {
    const limits = { maxListBytes: 3 * 34, maxFields: 100 };
    const decoder = decoderOf(limits);
    const sink = new ListSink();
    const block = bytesOf("400161 0162".repeat(5));
    assert.equal(decoder.decode(block, 0, block.length, sink), HpackOutcome.tooLarge);
    assert.equal(sink.list.length, 3);
    assert.equal(decoder.listBytes, 5 * 34);
    assert.equal(decoder.fieldCount, 5);
    assert.deepEqual(decodeList(decoder, "c2").list, [["a", "b"]]);
  });

  it("is over the limit of fields as well", () => {
    const decoder = decoderOf({ maxListBytes: 65_536, maxFields: 2 });
    assert.equal(outcomeOf(decoder, "8286"), HpackOutcome.complete);
    const sink = new ListSink();
    assert.equal(decoder.decode(bytesOf("828684"), 0, 3, sink), HpackOutcome.tooLarge);
    assert.equal(sink.list.length, 2);
  });

  it("is refused for what is wrong in it all the same", () => {
    refuses("82868480", /index/, decoderOf({ maxListBytes: 65_536, maxFields: 2 }));
  });

  it("is a bomb when it is many times over it", () => {
    const maxListBytes = 16_384;
    const decoder = decoderOf({ maxListBytes, maxFields: 100 });
    const value = Buffer.alloc(4000, "a");
    const entry = Buffer.concat([bytesOf("400161 7fa11e"), value]);
    const bomb = Buffer.concat([entry, Buffer.alloc(16_000, 0xbe)]);
    const sink = new ListSink();
    assert.equal(decoder.decode(bomb, 0, bomb.length, sink), HpackOutcome.bomb);
    assert.equal(sink.list.length, 4);
    assert.match(decoder.reason, /limit/);
    assert.ok(decoder.listBytes <= maxListBytes * LIST_ABORT_FACTOR + 4096);
    assert.ok(decoder.fieldCount <= (maxListBytes * LIST_ABORT_FACTOR) / 4000 + 1);
    assert.equal(outcomeOf(decoder, "82"), HpackOutcome.bomb);
  });
});

describe("any input", () => {
  const blocks = [...Object.values(VECTORS).flat().map(bytesOf), bytesOf("20 3fe11f 82 7f00 0161")];

  it("may end anywhere", () => {
    for (const block of blocks) {
      for (let end = 0; end <= block.length; end++) {
        const decoder = decoderOf();
        decodeAny(decoder, bytesOf("4001610162".repeat(8)));
        decodeAny(decoder, block.subarray(0, end));
      }
    }
  });

  it("ends with an outcome, and within the bounds", () => {
    const scratch = new FieldScratch();
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...blocks, bytesOf("400161 0162"), bytesOf("bebfc0"), bytesOf("3f45"), bytesOf("20")),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const decoder = new HpackDecoder({ maxListBytes: 400, maxFields: 10 }, scratch);
        decodeAny(decoder, Buffer.concat(pieces));
        decodeAny(decoder, Buffer.concat(pieces.toReversed()));
      }),
      { numRuns: 500 },
    );
  });

  function decodeAny(decoder: HpackDecoder, block: Buffer): void {
    const sink = new ListSink();
    const outcome = decoder.decode(block, 0, block.length, sink);
    const shown = sink.list.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    if (outcome === HpackOutcome.complete) assert.equal(shown, decoder.listBytes);
    assert.equal(decoder.reason === "", outcome < HpackOutcome.bomb);
    assert.ok(shown <= decoder.listBytes);
  }
});
