import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { QuicheClient } from "../../../test/support/quiche-client.ts";
import { PacketHeader, PacketType } from "./packet-header.ts";
import { QUIC_V1, QUIC_V2 } from "./quic-version.ts";
import {
  MAX_OFFERED_VERSIONS,
  MAX_VERSION_NEGOTIATION_BYTES,
  offeredVersions,
  VersionNegotiation,
} from "./version-negotiation.ts";

function parse(bytes: Buffer): PacketHeader {
  const header = new PacketHeader();
  assert.ok(header.parse(bytes, 0, bytes.length, 0));
  return header;
}

function packetOf(version: number, dcid: Uint8Array, scid: Uint8Array): PacketHeader {
  const bytes = Buffer.concat([
    Buffer.from([0x80, 0, 0, 0, 0, dcid.length]),
    dcid,
    Buffer.from([scid.length]),
    scid,
  ]);
  bytes.writeUInt32BE(version, 1);
  return parse(bytes);
}

function isReserved(version: number): boolean {
  return (version & 0x0f0f0f0f) === 0x0a0a0a0a;
}

test("the answer swaps the connection IDs, offers the versions in order and one that is reserved", () => {
  const versions = [QUIC_V2, QUIC_V1];
  const negotiation = new VersionNegotiation(versions);
  const id = fc.uint8Array({ maxLength: 255 });
  const random = fc.integer({ min: 0, max: 0xffff_ffff });
  const version = fc.oneof(
    random,
    random.map((bits) => ((bits & 0xf0f0f0f0) | 0x0a0a0a0a) >>> 0),
  );
  fc.assert(
    fc.property(version, id, id, random, (version, dcid, scid, random) => {
      fc.pre(version !== QUIC_V1 && version !== QUIC_V2 && version !== 0);
      const target = Buffer.alloc(2 + MAX_VERSION_NEGOTIATION_BYTES);
      const end = negotiation.write(target, 2, packetOf(version, dcid, scid), random);
      const answer = parse(target.subarray(2, end));
      assert.equal(answer.type, PacketType.versionNegotiation);
      assert.equal((answer.bytes[0] as number) & 0xc0, 0xc0);
      assert.deepEqual([...answer.bytes.subarray(answer.dcidStart, answer.dcidEnd)], [...scid]);
      assert.deepEqual([...answer.bytes.subarray(answer.scidStart, answer.scidEnd)], [...dcid]);
      const offered = offeredVersions(answer) ?? [];
      assert.deepEqual(
        offered.filter((one) => !isReserved(one)),
        versions,
      );
      assert.equal(offered.filter(isReserved).length, 1);
      assert.ok(!offered.includes(version), "a client ignores an answer that offers its own version");
    }),
  );
});

test("a client that also tried a reserved version does not see it again, whatever is drawn", () => {
  const negotiation = new VersionNegotiation([QUIC_V1]);
  const target = Buffer.alloc(MAX_VERSION_NEGOTIATION_BYTES);
  const drawn = 0x1a2a3a4a;
  const packet = packetOf(drawn, Buffer.alloc(8), Buffer.alloc(0));
  const answer = parse(target.subarray(0, negotiation.write(target, 0, packet, drawn)));
  assert.ok(!(offeredVersions(answer) ?? []).includes(drawn));
});

test("it is never larger than the datagram that it answers", () => {
  assert.ok(MAX_VERSION_NEGOTIATION_BYTES < 1200);
  const longest = Buffer.alloc(255, 1);
  const negotiation = new VersionNegotiation(Array.from({ length: MAX_OFFERED_VERSIONS }, (_, i) => i + 2));
  const target = Buffer.alloc(MAX_VERSION_NEGOTIATION_BYTES);
  const end = negotiation.write(target, 0, packetOf(0xfaceb00c, longest, longest), 0xffffffff);
  assert.equal(end, MAX_VERSION_NEGOTIATION_BYTES);
});

test("lists of versions that are empty or end within one are refused", () => {
  const packet = (tail: string): PacketHeader => parse(Buffer.from(`c0000000000000${tail}`, "hex"));
  assert.equal(offeredVersions(packet("")), null);
  assert.equal(offeredVersions(packet("000000")), null);
  assert.deepEqual(offeredVersions(packet("00000001fafafafa")), [1, 0xfafafafa]);
});

test("a client to whom no version suits gives up", () => {
  const client = new QuicheClient("example.org", ["h3"]);
  const first = parse(client.datagrams()[0] as Buffer);
  const target = Buffer.alloc(MAX_VERSION_NEGOTIATION_BYTES);
  const end = new VersionNegotiation([QUIC_V2]).write(target, 0, first, 7);
  assert.throws(() => client.receive(target.subarray(0, end)), /UnknownVersion/);
});
