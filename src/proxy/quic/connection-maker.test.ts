/** What a client hears whose first flight the engine does not take. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { MemoryNetwork, udpAddress } from "../../../test/support/memory-udp.ts";
import { cryptoFrame, initialPacket, padded, RFC_DCID } from "../../../test/support/quic-initial.ts";
import { Stranger } from "../../../test/support/quic-stranger.ts";
import { QuicWorld, type TestListener, TRANSPORT } from "../../../test/support/quic-world.ts";
import { RFC_CLIENT_HELLO } from "../../../test/support/rfc-client-hello.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { openInitial, serverInitialKeys } from "../../wire/quic/initial-crypto.ts";
import { PacketHeader, PacketType } from "../../wire/quic/packet-header.ts";
import { QUIC_V1 } from "../../wire/quic/quic-version.ts";

const BOUND = { timeout: 60_000 };
const PAYLOAD_BYTES = 1180;

/** What the ClientHello says is its initial_source_connection_id, and another one. */
const RIGHT_ID = RFC_DCID;
const WRONG_ID = Buffer.from("0102030405060708", "hex");

const CONNECTION_CLOSE = 0x1c;
/** Nothing that an Initial packet may carry. */
const HANDSHAKE_DONE = Buffer.from([0x1e]);
const TRANSPORT_PARAMETER_ERROR = 0x08;
const NO_APPLICATION_PROTOCOL = 0x178;

const worlds: QuicWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

interface Scene {
  readonly listener: TestListener;
  readonly stranger: Stranger;
}

/** A listener that speaks `alpn`, and somebody who sends it frames at once, each in an Initial packet of its own. */
async function scene(alpn: string, scid: Buffer, frames: readonly Buffer[]): Promise<Scene> {
  const network = new MemoryNetwork();
  const world = await QuicWorld.open(network);
  worlds.push(world);
  const identity = world.authority.issue({ names: ["example.com"] });
  const rest = { ticketKey: null, earlyData: false, keyLogPath: "" };
  const context = world.engine.server({ transport: TRANSPORT, alpn: [alpn], identity, ...rest });
  const listener = await world.listener(world.environment(), { owner: { contextFor: () => context } });
  const at = udpAddress("127.0.0.1", listener.endpoint.port);
  const stranger = await Stranger.at(network, at);
  const { socket } = stranger;
  for (const [packetNumber, frame] of frames.entries()) {
    const packet = initialPacket({ scid, packetNumber, payload: padded(frame, PAYLOAD_BYTES) });
    const start = socket.reserve(packet.length);
    packet.copy(socket.out, start);
    socket.send({ local: socket.local, remote: at }, start, start + packet.length, packet.length);
  }
  socket.flush();
  await waitFor("an answer", () => stranger.received.length > 0);
  return { listener, stranger };
}

async function isForgotten({ listener }: Scene): Promise<void> {
  await waitFor("the connection to end", () => listener.endpoint.openConnections === 0);
}

/** The payload of the first Initial packet that a client could open. */
function firstInitial(datagrams: readonly Buffer[]): Buffer {
  for (const datagram of datagrams) {
    const header = new PacketHeader();
    if (!header.parse(datagram, 0, datagram.length, 0) || header.type !== PacketType.initial) continue;
    const opened = openInitial(header, serverInitialKeys(QUIC_V1, RFC_DCID));
    if (opened !== null) return Buffer.from(opened.payload);
  }
  throw new Error("no Initial packet");
}

/** With no frame named, and no reason. */
function closeFrame(code: number): Buffer {
  const frame = Buffer.from([CONNECTION_CLOSE, 0x40, 0, 0, 0]);
  frame.writeUInt16BE(0x4000 | code, 1);
  return code < 0x40 ? Buffer.from([CONNECTION_CLOSE, code, 0, 0]) : frame;
}

const WHOLE = [cryptoFrame(0, RFC_CLIENT_HELLO)];
const IN_TWO = [
  cryptoFrame(0, RFC_CLIENT_HELLO.subarray(0, 100)),
  cryptoFrame(100, RFC_CLIENT_HELLO.subarray(100)),
];

for (const [name, frames] of [
  ["one datagram", WHOLE],
  ["two datagrams", IN_TWO],
] as const) {
  test(`wrong transport parameters in ${name}: the client can read what is wrong`, BOUND, async () => {
    const refused = await scene("alpn", WRONG_ID, frames);
    assert.deepEqual(firstInitial(refused.stranger.received), closeFrame(TRANSPORT_PARAMETER_ERROR));
    await isForgotten(refused);
  });
}

test("an alert of TLS is told once, by the engine", BOUND, async () => {
  const refused = await scene("another", RIGHT_ID, WHOLE);
  await isForgotten(refused);
  assert.equal(refused.stranger.received.length, 1);
  const payload = firstInitial(refused.stranger.received);
  assert.ok(payload.includes(closeFrame(NO_APPLICATION_PROTOCOL).subarray(0, 3)));
});

test("who makes no mistake gets a handshake", BOUND, async () => {
  const { listener, stranger } = await scene("alpn", RIGHT_ID, WHOLE);
  assert.equal(listener.endpoint.halfOpenConnections, 1);
  assert.notEqual(firstInitial(stranger.received)[0], CONNECTION_CLOSE);
});

test("a mistake right behind a first flight is answered behind the server's own", BOUND, async () => {
  const refused = await scene("alpn", RIGHT_ID, [...WHOLE, HANDSHAKE_DONE]);
  await isForgotten(refused);
  const [first] = refused.stranger.received;
  assert.ok(first !== undefined);
  assert.notEqual(firstInitial([first])[0], CONNECTION_CLOSE);
  assert.ok(refused.stranger.received.length > 1);
});
