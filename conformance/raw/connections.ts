/** Cases of connections: datagrams, protocols, the choice of a backend, and what a stalled reader leaves in the gateway. */
import assert from "node:assert/strict";
import { waitFor } from "../../test/support/wait-for.ts";
import type { RawConnection } from "../peers/raw-peer.ts";
import type { RawCase } from "./raw-case.ts";
import { acceptedOf, ended, pairOf, PROTOCOLS, type RawCell } from "./raw-cell.ts";

const KIB = 1024;

/** CONNECTION_REFUSED (RFC 9000 section 20.1). */
const REFUSED = 0x2;

const DATAGRAMS = 50;
/** Octets of one; the least packets of QUIC have room for the last. */
const DATAGRAM_BYTES = [0, 1, 500, 1100] as const;
/** They may be lost; on loopback few are. */
const LOST_DATAGRAMS = 10;

/** Backends of the way `several`, and connections to each. */
export const SEVERAL = 3;
const EACH = 2;

/** Octets of a stream that a server that reads nothing lets come. */
export const STALLED_WINDOW_BYTES = 64 * KIB;
const POURED_BYTES = 4096 * KIB;
const PART_BYTES = 8 * KIB;
const MAX_HELD_BYTES = 512 * KIB;
/** Nothing has moved for so long: it stands still. */
const STILL_MS = 400;

export const CONNECTIONS: readonly RawCase[] = [
  {
    name: "datagrams-of-client",
    play: async (cell) => {
      const { client } = await pairOf(cell);
      await datagrams(client, client);
    },
  },
  {
    name: "datagrams-of-server",
    play: async (cell) => {
      const { client, server } = await pairOf(cell, { serve: () => {} });
      await datagrams(server, client);
    },
  },
  {
    name: "protocol",
    play: async (cell) => {
      for (const wanted of PROTOCOLS) {
        const { client, server } = await pairOf(cell, { alpn: [wanted] });
        assert.deepEqual([client.alpn, server.alpn], [wanted, wanted]);
      }
      const { client, server } = await pairOf(cell, { alpn: PROTOCOLS.toReversed() });
      assert.deepEqual([client.alpn, server.alpn], [PROTOCOLS[1], PROTOCOLS[1]]);
    },
  },
  { name: "protocol-of-nobody", play: (cell) => refused(cell, cell.ways.one, "else/1") },
  { name: "backend-of-another-name", play: (cell) => refused(cell, cell.ways.misnamed, PROTOCOLS[0]) },
  {
    name: "several-backends",
    play: async (cell) => {
      const counts = new Map<number, number>();
      for (let i = 0; i < SEVERAL * EACH; i++) {
        const { client, server } = await pairOf(cell, { port: cell.ways.several });
        counts.set(server.port, (counts.get(server.port) ?? 0) + 1);
        const stream = client.open(true);
        stream.end("hello");
        await ended(stream);
      }
      assert.deepEqual([...counts.values()], [EACH, EACH, EACH]);
    },
  },
  { name: "stalled-reader", play: (cell) => stalled(cell, 1) },
  { name: "stalled-reader-of-16", play: (cell) => stalled(cell, 16) },
];

async function datagrams(from: RawConnection, to: RawConnection): Promise<void> {
  const sent = DATAGRAM_BYTES.map((octets) => Buffer.alloc(octets, octets));
  for (const bytes of sent) {
    const before = to.datagrams.length;
    for (let i = 0; i < DATAGRAMS; i++) from.sendDatagram(bytes);
    await waitFor(
      `datagrams of ${bytes.length} octets`,
      () => to.datagrams.length >= before + DATAGRAMS - LOST_DATAGRAMS,
      {
        everyMs: 1,
        context: () => `${to.datagrams.length - before} of ${DATAGRAMS} came; ${JSON.stringify(to.closed)}`,
      },
    );
    assert.ok(to.datagrams.slice(before).every((got) => got.length <= bytes.length || got.equals(bytes)));
  }
  for (const got of to.datagrams) assert.ok(sent.some((bytes) => bytes.equals(got)));
}

/** The client sees it, in time, and the server sees no stream. */
async function refused(cell: RawCell, port: number, protocol: string): Promise<void> {
  let streams = 0;
  cell.server.onConnection = (connection) => {
    connection.onStream = () => {
      streams++;
    };
  };
  const client = await cell.client.connect(port, [protocol]);
  if (client.closed === undefined) client.open(true).end("hello");
  const closed = await waitFor("the close", () => client.closed);
  assert.deepEqual([closed.application, closed.code, streams], [false, REFUSED, 0]);
}

/** 4 MiB are poured on so many streams, of which the server reads nothing. */
async function stalled(cell: RawCell, count: number): Promise<void> {
  const { client, server } = await pairOf(cell, { port: cell.ways.stalled, serve: () => {} });
  const streams = Array.from({ length: count }, () => client.open(true));
  for (let sent = 0; sent < POURED_BYTES; sent += count * PART_BYTES)
    for (const stream of streams) stream.write(Buffer.alloc(PART_BYTES));
  await acceptedOf(server, count - 1);
  let before = -1;
  await waitFor(
    "it to stand still",
    () => {
      const sent = streams.reduce((sum, stream) => sum + stream.sent, 0);
      const still = sent > 0 && sent === before;
      before = sent;
      return still;
    },
    { everyMs: STILL_MS },
  );
  const held = before - count * STALLED_WINDOW_BYTES;
  assert.ok(held < MAX_HELD_BYTES, `${held} octets are held`);
  // Its close is not held up by what waits.
  client.close(0, "");
  await waitFor("the close", () => server.closed);
}
