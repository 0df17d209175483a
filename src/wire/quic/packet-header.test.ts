import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { initialPacket, padded, RFC_DCID } from "../../../test/support/quic-initial.ts";
import { PacketHeader, PacketType } from "./packet-header.ts";
import { QUIC_V1, QUIC_V2 } from "./quic-version.ts";

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** What a parse says, with the parts as text; `null` when it says no. */
function parse(bytes: Buffer, start = 0, end = bytes.length): Record<string, unknown> | null {
  const header = new PacketHeader();
  if (!header.parse(bytes, start, end, 8)) return null;
  const part = (from: number, to: number): string => bytes.subarray(from, to).toString("hex");
  return {
    type: header.type,
    version: header.version,
    dcid: part(header.dcidStart, header.dcidEnd),
    scid: part(header.scidStart, header.scidEnd),
    token: part(header.tokenStart, header.tokenEnd),
    payloadStart: header.payloadStart,
    end: header.end,
  };
}

test("a client's Initial packet of each version is taken apart", () => {
  for (const version of [QUIC_V1, QUIC_V2]) {
    const scid = hex("0102030405");
    const token = hex("ffee");
    const bytes = initialPacket({ version, scid, token, payload: padded(hex("01"), 40) });
    assert.deepEqual(parse(bytes), {
      type: PacketType.initial,
      version,
      dcid: RFC_DCID.toString("hex"),
      scid: "0102030405",
      token: "ffee",
      payloadStart: bytes.length - 60,
      end: bytes.length,
    });
  }
});

test("the server's Initial packet of RFC 9001 appendix A.3 is taken apart", () => {
  const bytes = Buffer.concat([hex("cf000000010008f067a5502a4262b5004075c0d9"), Buffer.alloc(0x75 - 2)]);
  assert.deepEqual(parse(bytes), {
    type: PacketType.initial,
    version: QUIC_V1,
    dcid: "",
    scid: "f067a5502a4262b5",
    token: "",
    payloadStart: 18,
    end: bytes.length,
  });
});

test("types have other numbers in version 2", () => {
  const typeOf = (first: string, version: string): unknown =>
    parse(hex(`${first}${version}0000 0100`))?.["type"];
  const v1 = ["d0", "e0"].map((first) => typeOf(first, "00000001"));
  const v2 = ["e0", "f0"].map((first) => typeOf(first, "6b3343cf"));
  assert.deepEqual(v1, [PacketType.zeroRtt, PacketType.handshake]);
  assert.deepEqual(v2, [PacketType.zeroRtt, PacketType.handshake]);
});

test("the Retry packets of RFC 9001 and RFC 9369 are taken apart", () => {
  const tails = [
    ["ff00000001", "04a265ba2eff4d829058fb3f0f2496ba"],
    ["cf6b3343cf", "c8646ce8bfe33952d955543665dcc7b6"],
  ];
  for (const [start, tag] of tails) {
    const header = parse(hex(`${start}0008f067a5502a4262b5746f6b656e${tag}`));
    assert.equal(header?.["type"], PacketType.retry);
    assert.equal(header?.["scid"], "f067a5502a4262b5");
    assert.equal(header?.["token"], Buffer.from("token").toString("hex"));
    assert.equal(header?.["payloadStart"], 20);
  }
  assert.equal(parse(hex("f0000000010000aabb")), null, "too short for a tag");
});

test("a short header has the connection ID that its owner gave out", () => {
  assert.deepEqual(parse(hex("41 0102030405060708 99")), {
    type: PacketType.short,
    version: 0,
    dcid: "0102030405060708",
    scid: "",
    token: "",
    payloadStart: 9,
    end: 10,
  });
  assert.equal(parse(hex("41 01020304050607")), null, "cut within the connection ID");
  assert.equal(parse(hex("01 0102030405060708 99")), null, "without the fixed bit");
});

test("of other versions, only what all versions have is read, with long connection IDs", () => {
  const dcid = "aa".repeat(255);
  const scid = "bb".repeat(21);
  const unknown = parse(hex(`80 0a1a2a3a ff ${dcid} 15 ${scid} 01020304`));
  assert.equal(unknown?.["type"], PacketType.unknown);
  assert.equal(unknown?.["version"], 0x0a1a2a3a);
  assert.equal(unknown?.["dcid"], dcid);
  assert.equal(unknown?.["scid"], scid);
  assert.equal(parse(hex(`80 fa1a2a3a 00 00`))?.["version"], 0xfa1a2a3a);
  assert.equal(parse(hex("80 00000000 01 aa 01 bb 00000001"))?.["type"], PacketType.versionNegotiation);
});

test("versions 1 and 2 have connection IDs of up to 20 octets, and the fixed bit", () => {
  for (const version of ["00000001", "6b3343cf"]) {
    const twenty = "aa".repeat(20);
    assert.notEqual(parse(hex(`e0 ${version} 14 ${twenty} 14 ${twenty} 00 00`)), null);
    assert.equal(parse(hex(`e0 ${version} 15 ${twenty}aa 00 00 00`)), null);
    assert.equal(parse(hex(`e0 ${version} 00 15 ${twenty}aa 00 00`)), null);
    assert.equal(parse(hex(`a0 ${version} 00 00 00 00`)), null);
  }
});

test("lengths beyond the datagram are refused", () => {
  assert.equal(parse(hex("c0 00000001 00 00 40ff 00")), null, "token");
  assert.equal(parse(hex("c0 00000001 00 00 00 4002 00")), null, "payload");
  assert.equal(parse(hex("c0 00000001 00 00 ffffffffffffffff 00")), null, "a token above 2^53");
  assert.equal(parse(hex("c0 00000001 00 00 00 ffffffffffffffff")), null, "a payload above 2^53");
  assert.equal(parse(hex("c0 00000001 00 00 c01fffffffffffff 00")), null, "a token at 2^53");
});

test("packets that share a datagram are found one after another", () => {
  const one = initialPacket({ payload: padded(hex("01"), 30) });
  const two = hex("e0 00000001 00 00 03 aabbcc");
  const three = hex("41 0102030405060708 99");
  const around = Buffer.concat([hex("ffff"), one, two, three, hex("ffff")]);
  const header = new PacketHeader();
  const found: number[] = [];
  const end = around.length - 2;
  for (let at = 2; at < end && header.parse(around, at, end, 8); at = header.end) found.push(header.type);
  assert.deepEqual(found, [PacketType.initial, PacketType.handshake, PacketType.short]);
});

test("a packet that is cut anywhere in its header is refused", () => {
  const bytes = initialPacket({ scid: hex("0102"), token: hex("03"), payload: padded(hex("01"), 30) });
  for (let cut = 0; cut < bytes.length; cut++) assert.equal(parse(bytes, 0, cut), null, `at ${cut}`);
});

/** Octets that get past the first checks more often than random ones do. */
const hostile = fc
  .tuple(
    fc.constantFrom("", "c000000001", "d06b3343cf", "f000000001", "8000000000", "c0deadbeef", "40"),
    fc.uint8Array({ maxLength: 80 }),
  )
  .map(([start, rest]) => Buffer.concat([hex(start), rest]));

test("whatever octets come, offsets are in order and within them", () => {
  const header = new PacketHeader();
  fc.assert(
    fc.property(hostile, fc.nat(3), fc.nat(20), (octets, start, dcidLength) => {
      if (!header.parse(octets, start, octets.length, dcidLength)) return;
      const { dcidStart, dcidEnd, scidStart, scidEnd, tokenStart, tokenEnd, payloadStart, end } = header;
      const offsets = [
        start,
        dcidStart,
        dcidEnd,
        scidStart,
        scidEnd,
        tokenStart,
        tokenEnd,
        payloadStart,
        end,
      ];
      for (let i = 1; i < offsets.length; i++)
        assert.ok((offsets[i - 1] as number) <= (offsets[i] as number), offsets.join());
      assert.ok(end > start && end <= octets.length);
    }),
    { numRuns: 2000 },
  );
});
