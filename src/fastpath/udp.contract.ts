/** The contract of datagram sockets: each implementation of `udp.ts` has to pass it. The rest of it is in `udp-sending.contract.ts`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openDescriptors } from "./transport-peers.contract.ts";
import {
  addressOf,
  BOUND,
  BUFFER_BYTES,
  closePair,
  IPV4,
  IPV6,
  openPair,
  pathTo,
  pattern,
  settle,
  stage,
  UdpPeer,
  UdpRecorder,
  type UdpTraits,
} from "./udp-peers.contract.ts";
import { testScopes } from "./udp-scopes.contract.ts";
import { testSending } from "./udp-sending.contract.ts";
import { MAX_UDP_SEGMENTS, type UdpOptions, type UdpSocket } from "./udp.ts";

/** Sizes at which something changes: nothing, one octet, one packet, several, the most that UDP over IPv4 takes. */
const SIZES = [0, 1, 1200, 1472, 1473, 9000, 65_487, 65_488, 65_507];

/** The largest that loopback takes over IPv6 in one packet; over IPv4 all fit. */
const MAX_IPV6_BYTES = 65_488;

const FLOOD_RUNS = 6;

export function testUdp(traits: UdpTraits): void {
  testReceiving(traits);
  testBinding(traits);
  testLifetime(traits);
  testSending(traits);
  testScopes(traits);
}

/** Any free port of loopback. */
function anyPort(overrides: Partial<UdpOptions> = {}): UdpOptions {
  return { host: IPV4, port: 0, reusePort: false, bufferBytes: BUFFER_BYTES, ...overrides };
}

function testReceiving({ name, make, native }: UdpTraits): void {
  for (const host of [IPV4, IPV6]) {
    test(`${name}: datagrams of every size come whole, and go whole (${host})`, BOUND, async (context) => {
      const pair = await openPair(make(), host);
      context.after(() => closePair(pair));
      const { socket, own, peer, path } = pair;
      const sizes = SIZES.filter((size) => host === IPV4 || size <= MAX_IPV6_BYTES);
      for (const [index, size] of sizes.entries()) {
        const bytes = pattern(size, index);
        peer.say(bytes, socket.local.port, host);
        await own.until(`${size} octets`, () => own.arrivals.length === index + 1);
        const arrival = own.arrivals[index];
        assert.ok(arrival !== undefined && arrival.bytes.equals(bytes), `${size} octets came`);
        assert.equal(arrival.remote, host);
        assert.equal(arrival.remotePort, peer.port);
        assert.equal(arrival.local, host);
        assert.equal(arrival.ecn, 0);
        assert.ok(stage(socket, path, bytes));
        socket.flush();
        await peer.until(`${size} octets`, () => peer.received.length === index + 1);
        assert.ok(peer.received[index]?.equals(bytes), `${size} octets went`);
        assert.equal(peer.senders[index], `${host} ${socket.local.port}`);
      }
      assert.equal(socket.droppedDatagrams, 0);
    });
  }

  test(`${name}: what each peer sends comes in its order`, BOUND, async (context) => {
    const pair = await openPair(make());
    const peers = [pair.peer, await UdpPeer.open(), await UdpPeer.open()];
    context.after(() => {
      closePair(pair);
      for (const peer of peers.slice(1)) peer.socket.close();
    });
    const { own, socket } = pair;
    const each = 100;
    for (let i = 0; i < each; i++) for (const peer of peers) peer.say(`${i}`, socket.local.port);
    await own.until("all of them", () => own.arrivals.length === each * peers.length);
    for (const peer of peers) {
      const seen = own.arrivals.filter(({ remotePort }) => remotePort === peer.port);
      assert.deepEqual(
        seen.map(({ bytes }) => bytes.toString("latin1")),
        Array.from({ length: each }, (_, i) => `${i}`),
      );
    }
  });

  test(`${name}: what comes before receive is kept, and nobody is called before`, BOUND, async (context) => {
    const socket = await make().bind(anyPort());
    const peer = await UdpPeer.open();
    context.after(() => {
      socket.close();
      peer.socket.close();
    });
    for (const text of ["one", "two", "three"]) peer.say(text, socket.local.port);
    await settle();
    const own = new UdpRecorder();
    socket.receive(own);
    assert.equal(own.arrivals.length, 0, "datagrams come later, not from within the call");
    await own.until("all three", () => own.arrivals.length === 3);
    assert.deepEqual(own.texts, ["one", "two", "three"]);
  });

  test(`${name}: a flood is taken in batches, and others get their turn`, BOUND, async (context) => {
    const sockets = make();
    const socket = await sockets.bind(anyPort());
    const flooder = await sockets.bind(anyPort());
    context.after(() => {
      socket.close();
      flooder.close();
    });
    const own = new UdpRecorder();
    socket.receive(own);
    // A datagram of one octet takes the kernel's room of hundreds: so many fit into the smallest default.
    const path = pathTo(IPV4, socket.local.port);
    const octets = Buffer.alloc(MAX_UDP_SEGMENTS, "x");
    const sent = FLOOD_RUNS * MAX_UDP_SEGMENTS;
    for (let i = 0; i < FLOOD_RUNS; i++) stage(flooder, path, octets, 1);
    flooder.flush();
    let turns = 0;
    const count = (): void => {
      turns += 1;
      if (own.arrivals.length < sent) setImmediate(count);
    };
    setImmediate(count);
    await own.until("the flood", () => own.arrivals.length === sent);
    assert.ok(own.texts.every((text) => text === "x"));
    assert.ok(turns > 0);
    const most = Math.max(...own.batches);
    assert.ok(native ? most > 1 && most <= 2048 : most === 1, `${most} datagrams in a batch`);
  });
}

function testBinding({ name, make, native }: UdpTraits): void {
  test(`${name}: it knows where it is bound`, BOUND, async (context) => {
    const sockets = make();
    const opened: UdpSocket[] = [];
    context.after(() => opened.forEach((socket) => socket.close()));
    for (const host of [IPV4, IPV6, "0.0.0.0", "::"]) {
      const socket = await sockets.bind(anyPort({ host }));
      opened.push(socket);
      assert.deepEqual(socket.local.words, addressOf(host, 0).words, host);
      assert.ok(socket.local.port > 0);
      assert.equal(socket.fd >= 0, native);
    }
  });

  test(`${name}: an address that cannot be bound is an error with its code`, BOUND, async (context) => {
    const sockets = make();
    const before = openDescriptors();
    const taken = await sockets.bind(anyPort());
    context.after(() => taken.close());
    await assert.rejects(sockets.bind(anyPort({ port: taken.local.port })), { code: "EADDRINUSE" });
    await assert.rejects(sockets.bind(anyPort({ port: taken.local.port, reusePort: true })), {
      code: "EADDRINUSE",
    });
    await assert.rejects(sockets.bind(anyPort({ host: "192.0.2.1" })), { code: "EADDRNOTAVAIL" });
    await settle();
    assert.ok(openDescriptors() <= before + 1, "those that failed leave nothing");
  });

  test(`${name}: an IPv6 socket takes no IPv4, so that both can have the port`, BOUND, async (context) => {
    const sockets = make();
    const six = await sockets.bind(anyPort({ host: "::" }));
    const four = await sockets.bind(anyPort({ host: "0.0.0.0", port: six.local.port }));
    const peer = await UdpPeer.open();
    context.after(() => {
      six.close();
      four.close();
      peer.socket.close();
    });
    const owns = [new UdpRecorder(), new UdpRecorder()] as const;
    six.receive(owns[0]);
    four.receive(owns[1]);
    peer.say("four", four.local.port);
    await owns[1].until("the datagram", () => owns[1].arrivals.length === 1);
    assert.equal(owns[0].arrivals.length, 0);
  });

  test(
    `${name}: sockets that share a port share its datagrams, each peer's at one of them`,
    BOUND,
    async (context) => {
      const sockets = make();
      const first = await sockets.bind(anyPort({ reusePort: true }));
      const second = await sockets.bind(anyPort({ reusePort: true, port: first.local.port }));
      assert.equal(second.local.port, first.local.port);
      const own = new UdpRecorder();
      const other = new UdpRecorder();
      first.receive(own);
      second.receive(other);
      const peers = await Promise.all(Array.from({ length: 24 }, () => UdpPeer.open()));
      context.after(() => {
        first.close();
        second.close();
        for (const peer of peers) peer.socket.close();
      });
      for (let round = 0; round < 3; round++) for (const peer of peers) peer.say("x", first.local.port);
      const all = (): boolean => own.arrivals.length + other.arrivals.length === 3 * peers.length;
      while (!all()) await settle();
      assert.ok(own.arrivals.length > 0 && other.arrivals.length > 0, "both get some");
      const ports = new Set(own.arrivals.map(({ remotePort }) => remotePort));
      assert.ok(other.arrivals.every(({ remotePort }) => !ports.has(remotePort)));
    },
  );

  if (native) testWildcard(name, make);
}

function testWildcard(name: string, make: UdpTraits["make"]): void {
  test(`${name}: bound to no address, it answers from the one that was asked`, BOUND, async (context) => {
    const socket = await make().bind(anyPort({ host: "0.0.0.0" }));
    const peer = await UdpPeer.open();
    context.after(() => {
      socket.close();
      peer.socket.close();
    });
    const own = new UdpRecorder();
    own.onArrival = ({ local, remote, remotePort }) => {
      stage(socket, { local: addressOf(local, 0), remote: addressOf(remote, remotePort) }, local);
    };
    socket.receive(own);
    const asked = ["127.0.0.1", "127.0.0.2", "127.1.2.3"];
    for (const [index, host] of asked.entries()) {
      peer.say("who?", socket.local.port, host);
      await peer.until(`the answer of ${host}`, () => peer.received.length === index + 1);
    }
    assert.deepEqual(peer.received.map(String), asked);
    assert.deepEqual(
      peer.senders,
      asked.map((host) => `${host} ${socket.local.port}`),
    );
  });

  test(`${name}: so it does over IPv6`, BOUND, async (context) => {
    const socket = await make().bind(anyPort({ host: "::" }));
    const peer = await UdpPeer.open(IPV6);
    context.after(() => {
      socket.close();
      peer.socket.close();
    });
    const own = new UdpRecorder();
    own.onArrival = ({ local, remote, remotePort }) => {
      stage(socket, { local: addressOf(local, 0), remote: addressOf(remote, remotePort) }, local);
    };
    socket.receive(own);
    peer.say("who?", socket.local.port, IPV6);
    await peer.until("the answer", () => peer.received.length === 1);
    assert.deepEqual(peer.received.map(String), [IPV6]);
  });
}

function testLifetime({ name, make }: UdpTraits): void {
  test(`${name}: it can be closed from within a call, with more to come`, BOUND, async () => {
    const { socket, own, peer, path } = await openPair(make());
    own.onArrival = () => {
      if (own.arrivals.length > 1) return;
      stage(socket, path, "last words");
      socket.close();
      assert.ok(stage(socket, path, "nobody hears this"));
    };
    for (let i = 0; i < 50; i++) peer.say("x", socket.local.port);
    await peer.until("the last words", () => peer.received.length === 1);
    await settle();
    assert.deepEqual(peer.received.map(String), ["last words"]);
    assert.equal(own.batches.length, 1, "nobody is called after close");
    assert.equal(own.error, "");
    peer.socket.close();
  });

  test(`${name}: what is staged goes out before it closes, and the port is free again`, BOUND, async () => {
    const sockets = make();
    const { socket, peer, path } = await openPair(sockets);
    stage(socket, path, "staged");
    socket.close();
    socket.close();
    await peer.until("it", () => peer.received.length === 1);
    const again = await sockets.bind(anyPort({ port: socket.local.port }));
    again.close();
    peer.socket.close();
  });

  test(`${name}: many sockets, opened and closed, leave no descriptor`, BOUND, async (context) => {
    const sockets = make();
    const far = await sockets.bind(anyPort());
    const own = new UdpRecorder();
    far.receive(own);
    context.after(() => far.close());
    const before = openDescriptors();
    for (let round = 0; round < 20; round++) {
      const opened = await Promise.all(Array.from({ length: 10 }, () => sockets.bind(anyPort())));
      for (const [index, socket] of opened.entries()) {
        if (index % 2 === 0) socket.receive(new UdpRecorder());
        stage(socket, pathTo(IPV4, far.local.port), `${round} ${index}`);
        if (index % 3 === 0) stage(far, pathTo(IPV4, socket.local.port), "back");
        socket.close();
      }
      far.flush();
      await own.until("all of the round", () => own.arrivals.length === (round + 1) * 10);
    }
    await settle();
    assert.ok(openDescriptors() <= before, `${openDescriptors()} descriptors, ${before} before`);
  });
}
