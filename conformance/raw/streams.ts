/** Cases of streams: both kinds, from both sides, whole, with their IDs. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { pause, waitFor } from "../../test/support/wait-for.ts";
import type { RawConnection } from "../peers/raw-peer.ts";
import type { RawStream } from "../peers/raw-stream.ts";
import type { RawCase } from "./raw-case.ts";
import { acceptedOf, echo, ended, pairOf, type RawPair } from "./raw-cell.ts";

const KIB = 1024;
const LARGE_BYTES = 1024 * KIB;
const LARGE_STREAMS = 10;
/** More than a peer may open at once, in rounds of fewer. */
const ROUNDS = 6;
const STREAMS_PER_ROUND = 50;
/** Streams whose end comes later than their octets: by themselves, and among large ones. */
const LATE_STREAMS = 30;
const LATE_AT_ONCE = 10;
const LATE_AMONG_LARGE = 2;

const PAYLOAD = randomBytes(100 * KIB);
const LARGE = Array.from({ length: LARGE_STREAMS }, () => randomBytes(LARGE_BYTES));

export const STREAMS: readonly RawCase[] = [
  { name: "bidirectional-of-client", play: async (cell) => echoed(await pairOf(cell), "client") },
  { name: "bidirectional-of-server", play: async (cell) => echoed(await pairOf(cell), "server") },
  { name: "unidirectional-of-client", play: async (cell) => poured(await pairOf(cell), "client") },
  { name: "unidirectional-of-server", play: async (cell) => poured(await pairOf(cell), "server") },
  {
    name: "10-of-1mib-at-once",
    play: async (cell) => {
      const { client } = await pairOf(cell);
      const streams = LARGE.map((bytes) => {
        const stream = client.open(true);
        stream.end(bytes);
        return stream;
      });
      for (const [index, stream] of streams.entries()) {
        await ended(stream, 20_000);
        assert.ok(stream.bytes.equals(LARGE[index] as Buffer), `stream ${stream.id} is another one`);
      }
    },
  },
  {
    name: "300-streams",
    play: async (cell) => {
      const { client } = await pairOf(cell);
      for (let round = 0; round < ROUNDS; round++) {
        const streams = Array.from({ length: STREAMS_PER_ROUND }, () => client.open(true));
        for (const [index, stream] of streams.entries()) stream.end(`${round} ${index}`);
        for (const [index, stream] of streams.entries()) {
          await ended(stream);
          assert.equal(stream.bytes.toString(), `${round} ${index}`);
        }
      }
    },
  },
  {
    name: "no-octets",
    play: async (cell) => {
      const { client, server } = await pairOf(cell);
      const stream = client.open(true);
      stream.end();
      await ended(stream);
      const pushed = server.open(false);
      pushed.end();
      const got = await acceptedOf(client);
      await ended(got);
      assert.deepEqual([stream.octets, got.octets], [0, 0]);
    },
  },
  {
    // FIN comes, and goes on, when all octets before it have been acknowledged or are about to be.
    name: "late-end",
    play: async (cell) => {
      const { client } = await pairOf(cell);
      for (let i = 0; i < LATE_STREAMS; i++) {
        const stream = client.open(true);
        stream.write("hello");
        await waitFor("an echo", () => stream.octets === 5, { everyMs: 1 });
        stream.end();
        await ended(stream);
        assert.equal(stream.bytes.toString(), "hello");
      }
    },
  },
  {
    // The same while others fill the windows of congestion control, so that FIN may have to wait there.
    name: "late-end-among-large",
    play: async (cell) => {
      const { client, server } = await pairOf(cell);
      const large = LARGE.slice(0, LATE_AMONG_LARGE).map((bytes) => {
        const stream = client.open(true);
        stream.end(bytes);
        return stream;
      });
      await waitFor("the large ones", () => server.accepted.length === LATE_AMONG_LARGE);
      while (!large.every((stream) => stream.ended)) {
        await lateEnds(client, server);
        await lateEnds(server, client);
      }
    },
  },
];

/** Streams of one direction, which QUIC may forget as soon as their octets are acknowledged. */
async function lateEnds(opener: RawConnection, other: RawConnection): Promise<void> {
  const before = other.accepted.length;
  other.onStream = () => {};
  const streams = Array.from({ length: LATE_AT_ONCE }, () => opener.open(false));
  for (const stream of streams) stream.write("hello");
  for (const stream of streams) {
    await pause(1);
    stream.end();
  }
  for (let i = 0; i < LATE_AT_ONCE; i++) {
    const stream = await acceptedOf(other, before + i);
    await ended(stream, 10_000);
    assert.equal(stream.bytes.toString(), "hello");
  }
}

/** The opener is either side; the other one echoes. */
async function echoed(pair: RawPair, side: keyof RawPair): Promise<void> {
  const { opener, other } = sidesOf(pair, side);
  echo(other);
  const [one, two] = [opener.open(true), opener.open(true)];
  one.end("hello");
  two.end(PAYLOAD);
  await ended(one);
  await ended(two);
  assert.equal(one.bytes.toString(), "hello");
  assert.ok(two.bytes.equals(PAYLOAD));
  sameIds([one, two], other);
}

async function poured(pair: RawPair, side: keyof RawPair): Promise<void> {
  const { opener, other } = sidesOf(pair, side);
  other.onStream = () => {};
  const streams = [opener.open(false), opener.open(false)];
  for (const stream of streams) stream.end(PAYLOAD);
  for (let i = 0; i < streams.length; i++) {
    const got = await acceptedOf(other, i);
    await ended(got);
    assert.ok(got.bytes.equals(PAYLOAD));
  }
  sameIds(streams, other);
}

function sidesOf(pair: RawPair, side: keyof RawPair): { opener: RawConnection; other: RawConnection } {
  return side === "client"
    ? { opener: pair.client, other: pair.server }
    : { opener: pair.server, other: pair.client };
}

function sameIds(opened: readonly RawStream[], { accepted }: RawConnection): void {
  const ids = (streams: readonly RawStream[]): number[] =>
    streams.map(({ id }) => id).toSorted((a, b) => a - b);
  assert.deepEqual(ids(accepted), ids(opened));
}
