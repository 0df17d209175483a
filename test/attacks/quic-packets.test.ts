/**
 * QUIC packets from whoever has no connection: what comes back is bounded, and nothing is kept for long. Raw UDP
 * sockets, and Initial packets that are made by hand.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { before, describe, it } from "node:test";
import { HOST } from "../support/addresses.ts";
import { AttackScene } from "../support/attack-scene.ts";
import { Random } from "../fuzz/random.ts";
import type { CleanupScope } from "../support/gateway.ts";
import { type InitialParts, cryptoFrame, helloIn, initialPacket, padded } from "../support/quic-initial.ts";
import { longPacket, shortPacket } from "../support/quic-stranger.ts";
import { QuicheClient } from "../support/quiche-client.ts";
import { suiteScope } from "../support/suite.ts";
import { pause, waitFor } from "../support/wait-for.ts";

const KIB = 1024;

/** "Initial flood" of the attack's description. */
const INITIALS = 50_000;

/** Datagrams between two looks at the event loop, so that the bystander of the same process is served. */
const BURST = 50;

const scope = suiteScope();
let scene: AttackScene;

before(async () => {
  scene = await AttackScene.start(scope, { quic: {} });
});

/** A UDP socket that counts what comes back. */
class Wire {
  readonly #socket: Socket;
  readonly #port: number;
  readonly received: Buffer[] = [];
  sentOctets = 0;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on("message", (bytes) => this.received.push(bytes));
    socket.on("error", () => {});
  }

  static async open(scope: CleanupScope, port: number): Promise<Wire> {
    const socket = createSocket({ type: "udp4", sendBufferSize: 1 << 20, recvBufferSize: 1 << 20 });
    socket.bind(0, HOST);
    await once(socket, "listening");
    scope.after(() => {
      socket.close();
      return Promise.resolve();
    });
    return new Wire(socket, port);
  }

  get octets(): number {
    return this.received.reduce((sum, { length }) => sum + length, 0);
  }

  send(bytes: Buffer): void {
    this.sentOctets += bytes.length;
    this.#socket.send(bytes, this.#port, HOST);
  }

  /** Sends `count` datagrams, in bursts. */
  async flood(count: number, make: (index: number) => Buffer): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.send(make(i));
      if (i % BURST === 0) await pause(1);
    }
  }
}

/** The ClientHello of an independent client, for Initials of any connection IDs. */
function genuineHello(): { readonly hello: Buffer; readonly scid: Buffer } {
  return helloIn(new QuicheClient("localhost", ["h3"]).datagrams()[0] ?? Buffer.alloc(0));
}

function initial(hello: Uint8Array, parts: Partial<InitialParts> = {}): Buffer {
  const payload = padded(cryptoFrame(0, hello), 1150);
  return padded(initialPacket({ dcid: randomBytes(16), payload, ...parts }), 1200);
}

describe("QUIC packets without a connection", { timeout: 240_000 }, () => {
  it("get back no more than three times what they brought, and nothing when they are small", async () => {
    await scene.withstands(
      async (attack) => {
        const { hello, scid } = genuineHello();
        const wire = await Wire.open(attack, scene.secure);
        wire.send(initial(hello, { scid }));
        await waitFor("an answer", () => wire.received.length > 0);
        // The handshake's retransmissions have their time.
        await pause(3000);
        assert.ok(wire.octets <= 3 * wire.sentOctets, `${wire.octets} for ${wire.sentOctets} octets`);
        const small = await Wire.open(attack, scene.secure);
        const whole = initialPacket({
          dcid: randomBytes(16),
          scid,
          payload: padded(cryptoFrame(0, hello), 900),
        });
        assert.ok(whole.length < 1200);
        small.send(whole);
        small.send(longPacket(0x1a2a_3a4a, 600));
        await pause(500);
        assert.equal(small.octets, 0);
      },
      { counters: { quic_initials_too_small_total: 1 } },
    );
  });

  it(`of ${INITIALS} connections that nobody goes on with switch Retry on, and leave others alone`, async () => {
    const { hello, scid } = genuineHello();
    await scene.withstands(
      async (attack) => {
        const users = await scene.users(attack);
        const before = await users.h3(scene.secure);
        const wire = await Wire.open(attack, scene.secure);
        let late: Promise<unknown> | undefined;
        await wire.flood(INITIALS, (index) => {
          if (index === INITIALS / 2) late = users.h3(scene.secure).then((user) => user.ask("/late"));
          return index % 10 === 0 ? longPacket(1, 1200, 8 + (index % 12)) : initial(hello, { scid });
        });
        assert.equal((await before.ask("/before")).status, 200);
        await late;
        assert.ok(wire.octets <= 3 * wire.sentOctets);
      },
      { counters: { quic_retries_sent_total: 1000 } },
    );
  });

  it("of a ClientHello that never becomes whole, or has gaps and lies in it, are forgotten", async () => {
    await scene.withstands(async (attack) => {
      const { hello } = genuineHello();
      const wire = await Wire.open(attack, scene.secure);
      const one = { dcid: randomBytes(16), scid: randomBytes(8) };
      const part = (offset: number, octets: number, packetNumber = 0): Buffer =>
        initialPacket({
          ...one,
          packetNumber,
          payload: padded(cryptoFrame(offset, randomBytes(octets)), 1150),
        });
      // Gaps over more than any ClientHello has, all of one connection.
      await wire.flood(500, (index) => part(1000 + index * 700, 1, index));
      // Beginnings of as many connections.
      await wire.flood(3000, () => initial(hello.subarray(0, 200)));
      // The same octets with other contents.
      await wire.flood(200, (index) => part(0, 300, index));
      // Offsets at the end of the range.
      await wire.flood(100, (index) =>
        initialPacket({
          ...one,
          packetNumber: index,
          payload: padded(
            Buffer.concat([Buffer.from([6, 0xff]), Buffer.alloc(7, 0xff), Buffer.from([4, 1, 2, 3, 4])]),
            1150,
          ),
        }),
      );
      assert.ok(wire.octets <= 3 * wire.sentOctets);
    });
  });

  it("with broken transport parameters or any other octets changed do no harm", async () => {
    await scene.withstands(async (attack) => {
      const { hello, scid } = genuineHello();
      const random = new Random(20_261_121);
      const wire = await Wire.open(attack, scene.secure);
      await wire.flood(3000, (index) => {
        const changed = Buffer.from(hello);
        const parameters = changed.lastIndexOf(Buffer.from([0x00, 0x39]));
        const from = index % 2 === 0 && parameters > 0 ? parameters : 4;
        for (let i = 0; i <= random.below(4); i++)
          changed[from + random.below(changed.length - from)] = random.below(256);
        return initial(index % 5 === 0 ? changed.subarray(0, random.below(changed.length)) : changed, {
          scid,
        });
      });
      assert.ok(wire.octets <= 3 * wire.sentOctets);
    });
  });

  it("of which nobody knows the connection are answered by less than they brought, and seldom", async () => {
    await scene.withstands(async (attack) => {
      const wire = await Wire.open(attack, scene.secure);
      for (const size of [21, 30, 42]) wire.send(shortPacket(size));
      await pause(300);
      assert.equal(wire.octets, 0, "so small ones get no answer");
      wire.send(shortPacket(100));
      await waitFor("a stateless reset", () => wire.received.length === 1);
      assert.ok((wire.received[0]?.length ?? Infinity) < 100);
      await wire.flood(5000, () => shortPacket(60));
      await pause(300);
      assert.ok(wire.received.length < 2500, `${wire.received.length} answers`);
      assert.ok(wire.octets < wire.sentOctets);
      // What looks like a reset of ours gets one that is smaller, and so on: two gateways fall silent.
      const echoes = wire.received.length;
      for (const reset of wire.received.slice(0, 20)) if (reset.length <= 42) wire.send(reset);
      await pause(300);
      assert.ok(wire.received.length - echoes <= 20);
    });
  });

  it("of versions that nobody speaks are told which there are, and Version Negotiation gets no answer", async () => {
    await scene.withstands(async (attack) => {
      const wire = await Wire.open(attack, scene.secure);
      wire.send(longPacket(0x1a2a_3a4a, 1200));
      await waitFor("Version Negotiation", () => wire.received.length === 1);
      const [negotiation = Buffer.alloc(0)] = wire.received;
      assert.equal(negotiation.readUInt32BE(1), 0);
      assert.ok(negotiation.length < 1200);
      wire.send(padded(negotiation, 1200));
      await pause(300);
      assert.equal(wire.received.length, 1);
      await wire.flood(3000, () => longPacket(0x1a2a_3a4a, 1200));
      await pause(300);
      assert.ok(wire.octets < wire.sentOctets / 3);
      assert.ok(wire.octets < 256 * KIB);
    });
  });

  it("of any other kind are dropped", async () => {
    await scene.withstands(
      async (attack) => {
        const random = new Random(7);
        const wire = await Wire.open(attack, scene.secure);
        await wire.flood(5000, () => randomBytes(1 + random.below(1400)));
      },
      { counters: { quic_packets_dropped_total: 100 } },
    );
  });
});
