/** The part of the contract of datagram sockets about sending: runs, what waits for the kernel, and what cannot be sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressOf,
  BOUND,
  closePair,
  IPV4,
  IPV6,
  openPair,
  pathTo,
  pattern,
  settle,
  stage,
  type UdpPair,
  UdpPeer,
  type UdpTraits,
} from "./udp-peers.contract.ts";
import { MAX_UDP_RESERVE_BYTES, MAX_UDP_SEGMENTS } from "./udp.ts";

/** Runs by the octets of all and of each datagram. */
const RUNS: readonly (readonly [number, number])[] = [
  [1200, 1200],
  [2400, 1200],
  [2401, 1200],
  [12_345, 1200],
  [MAX_UDP_SEGMENTS, 1],
  [MAX_UDP_SEGMENTS * 1000 - 999, 1000],
  [54 * 1200, 1200],
  [MAX_UDP_RESERVE_BYTES, MAX_UDP_RESERVE_BYTES / MAX_UDP_SEGMENTS],
  [MAX_UDP_RESERVE_BYTES, 30_000],
  [65_000, 33_000],
];

export function testSending(traits: UdpTraits): void {
  testRuns(traits);
  testStaging(traits);
  testFailures(traits);
}

/** What a run is cut into. */
function cut(bytes: Buffer, segmentBytes: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let from = 0; from < bytes.length; from += segmentBytes)
    pieces.push(bytes.subarray(from, from + segmentBytes));
  return pieces;
}

async function expectRun(pair: UdpPair, bytes: Buffer, segmentBytes: number): Promise<void> {
  const { socket, peer, path } = pair;
  const pieces = cut(bytes, segmentBytes);
  const before = peer.received.length;
  assert.ok(stage(socket, path, bytes, segmentBytes));
  socket.flush();
  await peer.until("the run", () => peer.received.length === before + pieces.length);
  const what = `${bytes.length} by ${segmentBytes}`;
  for (const [index, piece] of pieces.entries())
    assert.ok(peer.received[before + index]?.equals(piece), `${what}: ${index}`);
}

function testRuns({ name, make }: UdpTraits): void {
  for (const host of [IPV4, IPV6]) {
    test(
      `${name}: runs go out as datagrams of one size, the last with the rest (${host})`,
      BOUND,
      async (context) => {
        const pair = await openPair(make(), host);
        context.after(() => closePair(pair));
        for (const [size, segment] of RUNS) await expectRun(pair, pattern(size), segment);
        assert.equal(pair.socket.droppedDatagrams, 0);
      },
    );
  }

  test(`${name}: runs come as datagrams between two sockets of its own`, BOUND, async (context) => {
    const sockets = make();
    const near = await openPair(sockets);
    const far = await openPair(sockets);
    context.after(() => {
      closePair(near);
      closePair(far);
    });
    const path = pathTo(IPV4, far.socket.local.port);
    let expected = 0;
    for (const [size, segment] of RUNS) {
      const bytes = pattern(size);
      const first = expected;
      const pieces = cut(bytes, segment);
      stage(near.socket, path, bytes, segment);
      near.socket.flush();
      expected += pieces.length;
      await far.own.until("the run", () => far.own.arrivals.length === expected);
      for (const [index, piece] of pieces.entries()) {
        const arrival = far.own.arrivals[first + index];
        assert.ok(arrival !== undefined && arrival.bytes.equals(piece), `${size} by ${segment}: ${index}`);
        assert.equal(arrival.remotePort, near.socket.local.port);
      }
    }
  });
}

function testStaging({ name, make }: UdpTraits): void {
  test(
    `${name}: what a call stages goes out when it returns, to several peers in order`,
    BOUND,
    async (context) => {
      const pair = await openPair(make());
      const others = [await UdpPeer.open(), await UdpPeer.open()];
      context.after(() => {
        closePair(pair);
        for (const peer of others) peer.socket.close();
      });
      const peers = [pair.peer, ...others];
      const paths = peers.map((peer) => pathTo(IPV4, peer.port));
      pair.own.onArrival = () => {
        for (let i = 0; i < 30; i++) for (const path of paths) stage(pair.socket, path, `${i}`);
      };
      pair.peer.say("go", pair.socket.local.port);
      for (const peer of peers) {
        await peer.until("all of them", () => peer.received.length === 30);
        assert.deepEqual(
          peer.received.map(String),
          Array.from({ length: 30 }, (_, i) => `${i}`),
        );
      }
    },
  );

  test(`${name}: more than the arena holds goes out in parts`, BOUND, async (context) => {
    const pair = await openPair(make());
    // Each can hold one run before it is read, wherever this is.
    const peers = await Promise.all(Array.from({ length: 20 }, () => UdpPeer.open()));
    context.after(() => {
      closePair(pair);
      for (const peer of peers) peer.socket.close();
    });
    for (const [index, { port }] of peers.entries())
      stage(pair.socket, pathTo(IPV4, port), pattern(54_000, index), 1200);
    pair.socket.flush();
    for (const [index, peer] of peers.entries()) {
      await peer.until("all of it", () => peer.receivedBytes === 54_000);
      assert.ok(Buffer.concat(peer.received).equals(pattern(54_000, index)));
    }
  });

  test(`${name}: more runs than a batch holds go out in parts`, BOUND, async (context) => {
    const pair = await openPair(make());
    const peers = await Promise.all(Array.from({ length: 13 }, () => UdpPeer.open()));
    context.after(() => {
      closePair(pair);
      for (const peer of peers) peer.socket.close();
    });
    const paths = peers.map(({ port }) => pathTo(IPV4, port));
    for (let i = 0; i < 100; i++) for (const path of paths) stage(pair.socket, path, `${i}`);
    pair.socket.flush();
    for (const peer of peers) {
      await peer.until("all of them", () => peer.received.length === 100);
      assert.deepEqual(
        peer.received.map(String),
        Array.from({ length: 100 }, (_, i) => `${i}`),
      );
    }
  });
}

function testFailures({ name, make, native }: UdpTraits): void {
  test(
    `${name}: a datagram that cannot be sent is counted, and the next goes out`,
    BOUND,
    async (context) => {
      const pair = await openPair(make());
      context.after(() => closePair(pair));
      const { socket, own, peer, path } = pair;
      // Larger than UDP can have, and to where no socket of this address can send.
      const bad = [
        (): boolean => stage(socket, path, pattern(65_508)),
        (): boolean => stage(socket, pathTo("203.0.113.1", 9), "x"),
        (): boolean => stage(socket, pathTo(IPV6, 9), "x"),
      ];
      for (const [index, send] of bad.entries()) {
        send();
        stage(socket, path, "good");
        socket.flush();
        await peer.until("the good one", () => peer.received.length === index + 1);
        await settle();
        assert.equal(socket.droppedDatagrams, index + 1);
      }
      assert.equal(own.error, "");
      assert.deepEqual(peer.received.map(String), ["good", "good", "good"]);
    },
  );

  if (!native) return;

  for (const host of [IPV4, IPV6]) {
    test(
      `${name}: a peer that is not there is told of, and costs others nothing (${host})`,
      BOUND,
      async (context) => {
        const pair = await openPair(make(), host);
        const gone = await UdpPeer.open(host);
        const port = gone.port;
        gone.socket.close();
        context.after(() => closePair(pair));
        const { socket, own, peer, path } = pair;
        for (let round = 1; round <= 5; round++) {
          for (let i = 0; i < 3; i++) {
            stage(socket, { local: addressOf(host, 0), remote: addressOf(host, port) }, "x");
            stage(socket, path, "y");
          }
          socket.flush();
          const told = round;
          await own.until("the news", () => own.unreachable.length >= told);
          await peer.until("the others", () => peer.received.length === told * 3);
        }
        assert.ok(own.unreachable.every((told) => told === `${host} ${port} ECONNREFUSED`));
        assert.equal(own.error, "");
        peer.say("still here", socket.local.port, host);
        await own.until("a datagram", () => own.arrivals.length === 1);
      },
    );
  }
}
