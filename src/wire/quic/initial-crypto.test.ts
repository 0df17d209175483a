import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cryptoFrame, initialPacket, padded, RFC_DCID } from "../../../test/support/quic-initial.ts";
import { RFC_CLIENT_HELLO } from "../../../test/support/rfc-client-hello.ts";
import { clientInitialKeys, openInitial } from "./initial-crypto.ts";
import { PacketHeader } from "./packet-header.ts";
import { QUIC_V1, QUIC_V2 } from "./quic-version.ts";

/** RFC 9001 appendices A.1 and A.2, RFC 9369 appendices A.1 and A.2; of the packets, start and end. */
const VECTORS = [
  {
    version: QUIC_V1,
    key: "1f369613dd76d5467730efcbe3b1a22d",
    iv: "fa044b2f42a3fd3b46fb255c",
    headerProtection: "9f50449e04a0e810283a1e9933adedd2",
    packetStart: "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b",
    packetEnd: "e221af44860018ab0856972e194cd934",
  },
  {
    version: QUIC_V2,
    key: "8b1a0bc121284290a29e0971b5cd045d",
    iv: "91f73e2351d8fa91660e909f",
    headerProtection: "45b95e15235d6f45a6b19cbcb0294ba9",
    packetStart: "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071",
    packetEnd: "ba18b2faa745b6fe189cf772a9f84cbfc",
  },
] as const;

const PAYLOAD: Buffer = padded(cryptoFrame(0, RFC_CLIENT_HELLO), 1162);

function parse(bytes: Buffer): PacketHeader {
  const header = new PacketHeader();
  assert.ok(header.parse(bytes, 0, bytes.length, 0));
  return header;
}

test("a client's keys are those of RFC 9001 and RFC 9369", () => {
  for (const { version, key, iv, headerProtection } of VECTORS) {
    const keys = clientInitialKeys(version, RFC_DCID);
    assert.equal(keys.key.toString("hex"), key);
    assert.equal(keys.iv.toString("hex"), iv);
    assert.equal(keys.headerProtection.toString("hex"), headerProtection);
  }
});

test("the packets of RFC 9001 and RFC 9369 are opened, and are left as they are", () => {
  for (const { version, packetStart, packetEnd } of VECTORS) {
    const bytes = initialPacket({ version, packetNumber: 2, payload: PAYLOAD });
    const before = bytes.toString("hex");
    assert.equal(bytes.length, 1200);
    assert.ok(before.startsWith(packetStart) && before.endsWith(packetEnd));
    const opened = openInitial(parse(bytes), clientInitialKeys(version, RFC_DCID));
    assert.deepEqual(opened?.payload, PAYLOAD);
    assert.equal(opened?.packetNumber, 2);
    assert.equal(opened?.firstOctet, version === QUIC_V1 ? 0xc3 : 0xd3);
    assert.equal(bytes.toString("hex"), before);
  }
});

test("packet numbers of every length are read", () => {
  const keys = clientInitialKeys(QUIC_V1, RFC_DCID);
  for (const [lowBits, packetNumber] of [
    [0, 0xfe],
    [1, 0xfedc],
    [2, 0xfedcba],
    [3, 0xfedcba98],
  ] as const) {
    const bytes = initialPacket({ lowBits, packetNumber, payload: PAYLOAD });
    assert.equal(openInitial(parse(bytes), keys)?.packetNumber, packetNumber);
  }
});

test("the keys of another connection ID or version do not open it", () => {
  const packet = parse(initialPacket({ payload: PAYLOAD }));
  assert.equal(openInitial(packet, clientInitialKeys(QUIC_V2, RFC_DCID)), null);
  assert.equal(openInitial(packet, clientInitialKeys(QUIC_V1, RFC_DCID.subarray(1))), null);
});

test("a packet with any octet changed is not opened", () => {
  const payload = Buffer.alloc(24, 1);
  const keys = clientInitialKeys(QUIC_V1, RFC_DCID);
  const good = initialPacket({ payload });
  for (let i = 0; i < good.length; i++) {
    const bytes = Buffer.from(good);
    bytes[i] = (bytes[i] as number) ^ 0x01;
    const header = new PacketHeader();
    if (header.parse(bytes, 0, bytes.length, 0)) assert.equal(openInitial(header, keys), null, `octet ${i}`);
  }
});

test("whatever octets are behind the header, nothing is thrown", () => {
  const keys = clientInitialKeys(QUIC_V1, RFC_DCID);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (rest) => {
      const start = Buffer.from("c300000001088394c8f03e5157080000", "hex");
      const packet = parse(Buffer.concat([start, Buffer.from([rest.length]), rest]));
      assert.equal(openInitial(packet, keys), null);
    }),
  );
});
