import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addField, type FieldList } from "../../../test/support/field-lists.ts";
import { decodeList, encodeList, ROOMY_LIMITS } from "../../../test/support/hpack-lists.ts";
import { FIELD_NAMES, FieldId } from "../http/field-id.ts";
import { Fields } from "../http/fields.ts";
import { HpackDecoder } from "./decoder.ts";
import { encodedBound, HpackEncoder } from "./encoder.ts";
import { POLICIES_BY_ID } from "../field-codec/index-policy.ts";
import { PSEUDO_NAMES, PseudoId } from "../field-codec/name-id.ts";
import { FieldScratch } from "../field-codec/field-scratch.ts";

/** Blocks of one list, encoded several times on one connection. */
function lengthsOf(list: FieldList, times: number): number[] {
  const encoder = new HpackEncoder();
  return Array.from({ length: times }, () => encodeList(encoder, list).length);
}

function neverOf(list: FieldList): string[] {
  return decodeList(new HpackDecoder(ROOMY_LIMITS), encodeList(new HpackEncoder(), list)).never;
}

/** The same lists through one encoder and one decoder. */
function roundTrip(lists: readonly FieldList[]): FieldList[] {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(ROOMY_LIMITS)];
  return lists.map((list) => decodeList(decoder, encodeList(encoder, list)).list);
}

describe("what repeats", () => {
  it("is one octet from the static table", () => {
    const encode = (list: FieldList) => encodeList(new HpackEncoder(), list).toString("hex");
    assert.equal(encode([[":method", "GET"]]), "82");
    assert.equal(encode([[":method", "POST"]]), "83");
    assert.equal(encode([[":path", "/"]]), "84");
    assert.equal(encode([[":path", "/index.html"]]), "85");
    assert.equal(encode([[":scheme", "http"]]), "86");
    assert.equal(encode([[":scheme", "https"]]), "87");
    assert.equal(encode([["Accept-Encoding", "gzip, deflate"]]), "90");
  });

  it("is one octet for the usual status codes, and a literal for others at first", () => {
    const encoder = new HpackEncoder();
    const encode = (status: number) => {
      const target = Buffer.alloc(64);
      encoder.begin(target, 0);
      encoder.addStatus(status);
      return target.toString("hex", 0, encoder.end());
    };
    assert.deepEqual([200, 204, 206, 304, 400, 404, 500].map(encode), [
      "88",
      "89",
      "8a",
      "8b",
      "8c",
      "8d",
      "8e",
    ]);
    assert.deepEqual([502, 502, 103, 502].map(encode), ["48826c02", "be", "48820819", "bf"]);
  });

  it("enters the table at once when nearly every message has it, else when it comes again", () => {
    const eager: FieldList = [
      ["Content-Type", "text/html; charset=utf-8"],
      ["Server", "backend"],
      ["Vary", "Accept-Encoding"],
    ];
    assert.deepEqual(lengthsOf(eager, 3).slice(1), [3, 3]);
    const other: FieldList = [
      ["X-Powered-By", "something"],
      ["Date", "Sat, 21 Nov 2026 02:02:02 GMT"],
    ];
    const [first, second, third] = lengthsOf(other, 3);
    assert.ok((first as number) > 30 && (second as number) > 30);
    assert.equal(third, 2);
  });

  it("is told apart by its name, and by every octet of its value", () => {
    const lists = Array.from({ length: 3 }, () => [
      ["x-one", "abcdefgh1"],
      ["x-two", "abcdefgh1"],
      ["x-one", "abcdefgh2"],
      ["x-one", "abcdXfgh1"],
      ["server", "abcdefgh1"],
      ["via", "abcdefgh1"],
      ["via", "abcdefgh1 "],
    ]) as FieldList[];
    assert.deepEqual(roundTrip(lists), lists);
  });

  it("does not fill the table with values that do not come again", () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(ROOMY_LIMITS);
    const stable: FieldList = [
      ["Content-Type", "text/html; charset=utf-8"],
      ["X-Powered-By", "something"],
    ];
    for (let i = 0; i < 3; i++) decodeList(decoder, encodeList(encoder, stable));
    for (let i = 0; i < 500; i++) {
      const list: FieldList = [
        ["etag", `"${i}"`],
        ["content-length", `${i}`],
        ["x-request-id", `request-${i}`],
        ["x-trace", `trace-${i}`],
        ["last-modified", `at ${i}`],
      ];
      assert.deepEqual(decodeList(decoder, encodeList(encoder, list)).list, list);
    }
    assert.equal(encodeList(encoder, stable).length, 2);
  });

  it("stays out of the table when it is large", () => {
    const lengths = lengthsOf([["x-large", "~".repeat(1100)]], 3);
    assert.ok(lengths.every((length) => length > 1100));
  });
});

describe("names", () => {
  it("become lower-case", () => {
    assert.deepEqual(
      roundTrip([
        [
          ["X-Custom-NAME", "Value"],
          ["CONTENT-TYPE", "a/B"],
          ["WWW-Authenticate", "x"],
        ],
      ]),
      [
        [
          ["x-custom-name", "Value"],
          ["content-type", "a/B"],
          ["www-authenticate", "x"],
        ],
      ],
    );
  });

  it("come out as they went in, all that are known among them", () => {
    const known = FIELD_NAMES.slice(1).map((name) => name.toLowerCase());
    const list = [...PSEUDO_NAMES.map(([, name]) => name), ...known, "x-api-key", "etag", "accept"].map(
      (name) => [name, "some value"] as const,
    );
    const lists = [list, list, list];
    assert.deepEqual(roundTrip(lists), lists);
  });
});

describe("credentials", () => {
  it("are never indexed", () => {
    const list: FieldList = [
      ["Authorization", "Basic dXNlcjpwYXNzd29yZC10aGF0LWlzLWxvbmc="],
      ["Proxy-Authorization", "x"],
      ["X-API-Key", "0123456789abcdef0123456789abcdef"],
      ["Server", "x"],
    ];
    assert.deepEqual(neverOf(list), ["authorization", "proxy-authorization", "x-api-key"]);
    const [first, , third] = lengthsOf(list.slice(0, 3), 3);
    assert.equal(first, third);
  });

  it("are guarded while they are short", () => {
    assert.deepEqual(
      neverOf([
        ["cookie", "a".repeat(19)],
        ["set-cookie", "a=b"],
      ]),
      ["cookie", "set-cookie"],
    );
    assert.deepEqual(
      neverOf([
        ["cookie", "a".repeat(20)],
        ["set-cookie", "a=b; path=/; secure"],
      ]),
      ["set-cookie"],
    );
    assert.deepEqual(
      neverOf([
        ["cookie", "a".repeat(20)],
        ["set-cookie", "a=b; path=/; secure;"],
      ]),
      [],
    );
  });

  it("are never indexed when they came so, whatever their name", () => {
    const fields = new Fields();
    addField(fields, "Server", "x");
    fields.markNeverIndexed(addField(fields, "Server", "y"));
    fields.markNeverIndexed(addField(fields, "Accept-Encoding", "gzip, deflate"));
    fields.markNeverIndexed(addField(fields, "X-Any", "z"));
    const target = Buffer.alloc(encodedBound(fields, 0, 0));
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(ROOMY_LIMITS);
    for (let time = 0; time < 3; time++) {
      encoder.begin(target, 0);
      for (let i = 0; i < fields.count; i++) encoder.addField(fields, i);
      const { list, never } = decodeList(decoder, target.subarray(0, encoder.end()));
      assert.equal(list.length, 4);
      assert.deepEqual(never, ["server", "accept-encoding", "x-any"]);
    }
  });

  it("are named once in the policies", () => {
    const ids = POLICIES_BY_ID.flatMap(([, list]) => list);
    assert.equal(new Set(ids).size, ids.length);
  });
});

describe("the table's size", () => {
  const list: FieldList = [["server", "backend"]];
  const encodeHex = (encoder: HpackEncoder) => encodeList(encoder, list).toString("hex");

  it("follows the peer's limit, and is said when it changes", () => {
    const encoder = new HpackEncoder();
    encodeHex(encoder);
    encoder.setPeerTableLimit(100);
    assert.equal(encodeHex(encoder).slice(0, 4), "3f45");
    encoder.setPeerTableLimit(0);
    assert.match(encodeHex(encoder), /^200f27/);
    encoder.setPeerTableLimit(4096);
    assert.match(encodeHex(encoder), /^3fe11f/);
    assert.equal(encodeHex(encoder), "be");
  });

  it("is said with its lowest value in between", () => {
    const encoder = new HpackEncoder();
    encodeHex(encoder);
    encoder.setPeerTableLimit(0);
    encoder.setPeerTableLimit(1000);
    assert.match(encodeHex(encoder), /^203fc907/);
    assert.equal(encodeHex(encoder), "be");
  });

  it("is ours when the peer offers more", () => {
    const encoder = new HpackEncoder();
    encoder.setPeerTableLimit(65_536);
    encodeHex(encoder);
    assert.equal(encodeHex(encoder), "be");
  });
});

describe("a block", () => {
  it("decodes to what was encoded, whatever the lists and the sizes of the tables", () => {
    const values = fc.oneof(
      fc.constantFrom(
        "",
        "a",
        "text/html",
        "gzip",
        "gzip, deflate",
        "x".repeat(130),
        "\xe9\xff",
        "~".repeat(500),
      ),
      fc.string({ unit: "grapheme-ascii", maxLength: 60 }),
    );
    const names = fc.oneof(
      fc.constantFrom(
        "server",
        "content-type",
        "accept-encoding",
        "etag",
        "cookie",
        "authorization",
        "x-one",
        "x-two",
        "x-api-key",
      ),
      fc.stringMatching(/^[a-z]{1,12}$/),
    );
    const pseudo = fc.tuple(fc.constantFrom(...PSEUDO_NAMES.map(([, name]) => name)), values);
    const lists = fc.tuple(
      fc.array(pseudo, { maxLength: 3 }),
      fc.array(fc.tuple(names, values), { maxLength: 8 }),
    );
    const sizes = fc.oneof(fc.constant(4096), fc.nat(300), fc.nat(8192), fc.constant(0));
    const step = fc.record({ list: lists, sizes: fc.array(sizes, { maxLength: 2 }), repeat: fc.nat(3) });
    const scratch = new FieldScratch();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const encoder = new HpackEncoder(scratch);
        const decoder = new HpackDecoder(ROOMY_LIMITS, scratch);
        for (const { list: parts, sizes, repeat } of steps) {
          for (const size of sizes) {
            encoder.setPeerTableLimit(size);
            decoder.setTableLimit(size);
          }
          const list = parts.flat();
          for (let i = 0; i <= repeat; i++)
            assert.deepEqual(decodeList(decoder, encodeList(encoder, list)).list, list);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("goes on over many evictions", () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(ROOMY_LIMITS)];
    for (let i = 0; i < 3000; i++) {
      const list: FieldList = [
        ["server", `backend-${i % 200}`],
        ["content-type", `text/${"x".repeat(i % 90)}`],
        ["x-some", `${i % 3}`],
      ];
      assert.deepEqual(decodeList(decoder, encodeList(encoder, list)).list, list);
    }
  });

  it("fits its bound, with the longest names and lengths", () => {
    const fields = new Fields();
    for (let i = 0; i < 40; i++) addField(fields, `x-${"n".repeat(i * 4)}`, "\xff".repeat(i * 50));
    const value = "\xff".repeat(20_000);
    const bound = encodedBound(fields, 2, 16 + value.length);
    const target = Buffer.alloc(bound + 64, 0xee);
    const encoder = new HpackEncoder();
    encoder.setPeerTableLimit(0);
    encoder.setPeerTableLimit(4000);
    encoder.begin(target, 0);
    encoder.addNumber(FieldId.contentLength, Number.MAX_SAFE_INTEGER);
    encoder.addText(PseudoId.path, value);
    for (let i = 0; i < fields.count; i++) encoder.addField(fields, i);
    assert.ok(encoder.end() <= bound);
    assert.ok(target.subarray(bound).every((octet) => octet === 0xee));
  });

  it("takes values from any store", () => {
    const encoder = new HpackEncoder();
    const fields = new Fields();
    const start = fields.addText("#/some/path?query#");
    const target = Buffer.alloc(256);
    encoder.begin(target, 7);
    encoder.addSpan(PseudoId.path, fields, start + 1, start + 17);
    encoder.addNumber(FieldId.contentLength, 1234);
    const { list } = decodeList(new HpackDecoder(ROOMY_LIMITS), target.subarray(7, encoder.end()));
    assert.deepEqual(list, [
      [":path", "/some/path?query"],
      ["content-length", "1234"],
    ]);
  });

  it("holds no control character from a text of ours", () => {
    const encoder = new HpackEncoder();
    encoder.begin(Buffer.alloc(64), 0);
    assert.throws(() => encoder.addText(FieldId.server, "a\r\nb"), /not allowed/);
    assert.throws(() => encoder.addText(FieldId.other, "a"), /without a name/);
  });
});
