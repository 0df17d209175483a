import assert from "node:assert/strict";
import { test } from "node:test";
import { initialPacket, RFC_DCID } from "../../../test/support/quic-initial.ts";
import { QuicheClient } from "../../../test/support/quiche-client.ts";
import { PacketHeader, PacketType } from "./packet-header.ts";
import { QUIC_V1, QUIC_V2 } from "./quic-version.ts";
import { checkRetry, MAX_RETRY_OVERHEAD_BYTES, writeRetry } from "./retry-packet.ts";

const SCID = Buffer.from("f067a5502a4262b5", "hex");
const TOKEN = Buffer.from("token");

/** RFC 9001 appendix A.4 and RFC 9369 appendix A.4. */
const VECTORS = [
  { version: QUIC_V1, text: "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba" },
  { version: QUIC_V2, text: "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6" },
];

function parse(bytes: Buffer): PacketHeader {
  const header = new PacketHeader();
  assert.ok(header.parse(bytes, 0, bytes.length, 0));
  return header;
}

test("the Retry packets of RFC 9001 and RFC 9369 are written", () => {
  for (const { version, text } of VECTORS) {
    const initial = parse(initialPacket({ version, payload: Buffer.alloc(40) }));
    const target = Buffer.alloc(3 + TOKEN.length + MAX_RETRY_OVERHEAD_BYTES, 0xee);
    const end = writeRetry(target, 3, initial, { scid: SCID, token: TOKEN });
    assert.equal(target.toString("hex", 3, end), text);
    assert.ok(target.subarray(0, 3).every((octet) => octet === 0xee));
    assert.ok(target.subarray(end).every((octet) => octet === 0xee));
  }
});

test("they are known for good, and any changed octet is noticed", () => {
  for (const { text } of VECTORS) {
    const bytes = Buffer.from(text, "hex");
    assert.ok(checkRetry(parse(bytes), RFC_DCID));
    assert.ok(!checkRetry(parse(bytes), Buffer.from("8394c8f03e515709", "hex")));
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] as number) ^ 0x01;
      const header = new PacketHeader();
      const isRetry = header.parse(changed, 0, changed.length, 0) && header.type === PacketType.retry;
      assert.ok(!isRetry || !checkRetry(header, RFC_DCID), `octet ${i}`);
    }
  }
});

test("the longest fits into the room that is asked for", () => {
  const twenty = Buffer.alloc(20, 7);
  const initial = parse(initialPacket({ scid: twenty, payload: Buffer.alloc(40) }));
  const target = Buffer.alloc(TOKEN.length + MAX_RETRY_OVERHEAD_BYTES);
  assert.equal(writeRetry(target, 0, initial, { scid: twenty, token: TOKEN }), target.length);
});

test("a client answers one with an Initial packet that has the token and the new connection ID", () => {
  const client = new QuicheClient("example.org", ["h3"]);
  const first = parse(client.datagrams()[0] as Buffer);
  const target = Buffer.alloc(200);
  client.receive(target.subarray(0, writeRetry(target, 0, first, { scid: SCID, token: TOKEN })));
  const again = parse(client.datagrams()[0] as Buffer);
  assert.equal(again.type, PacketType.initial);
  assert.deepEqual(again.bytes.subarray(again.tokenStart, again.tokenEnd), TOKEN);
  assert.deepEqual(again.bytes.subarray(again.dcidStart, again.dcidEnd), SCID);
});
