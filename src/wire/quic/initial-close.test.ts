import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_INITIAL_CLOSE_BYTES, writeInitialClose } from "./initial-close.ts";
import { openInitial, serverInitialKeys } from "./initial-crypto.ts";
import { PacketHeader, PacketType } from "./packet-header.ts";
import { QUIC_V1, QUIC_V2 } from "./quic-version.ts";
import { MAX_VARINT, readVarint } from "./varint.ts";

function initial(version: number, dcid: Buffer, scid: Buffer): PacketHeader {
  const first = version === QUIC_V2 ? 0xd0 : 0xc0;
  const fixed = Buffer.from([first, 0, 0, 0, 0, dcid.length]);
  fixed.writeUInt32BE(version, 1);
  const rest = Buffer.from([0, 0x40, 30]);
  const packet = Buffer.concat([fixed, dcid, Buffer.from([scid.length]), scid, rest, randomBytes(30)]);
  const header = new PacketHeader();
  assert.ok(header.parse(packet, 0, packet.length, 0));
  return header;
}

const id = (min: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: min, maxLength: 20 }).map((bytes) => Buffer.from(bytes));

test("the client can open it, and finds CONNECTION_CLOSE with the code and nothing else", () => {
  const version = fc.constantFrom(QUIC_V1, QUIC_V2);
  const code = fc.oneof(fc.constantFrom(0, 2, 0xb, 0x128), fc.integer({ min: 0, max: MAX_VARINT }));
  fc.assert(
    fc.property(version, id(8), id(0), id(1), code, (version, dcid, scid, own, code) => {
      const asked = initial(version, dcid, scid);
      const target = Buffer.alloc(5 + MAX_INITIAL_CLOSE_BYTES);
      const end = writeInitialClose(target, 5, asked, own, code);
      assert.ok(end <= target.length);
      const header = new PacketHeader();
      assert.ok(header.parse(target, 5, end, 0));
      assert.equal(header.type, PacketType.initial);
      assert.equal(header.version, version);
      assert.equal(header.end, end);
      assert.deepEqual(target.subarray(header.dcidStart, header.dcidEnd), scid);
      assert.deepEqual(target.subarray(header.scidStart, header.scidEnd), own);
      assert.equal(header.tokenStart, header.tokenEnd);
      const opened = openInitial(header, serverInitialKeys(version, dcid));
      assert.ok(opened !== null);
      assert.equal(opened.packetNumber, 0);
      assert.equal(opened.payload[0], 0x1c);
      assert.equal(readVarint(opened.payload, 1), code);
      assert.deepEqual([...opened.payload.subarray(-2)], [0, 0]);
    }),
  );
});
