import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { CertificateAuthority } from "../../../test/support/certificates.ts";
import { echo, type NotingOwner, Pour } from "../../../test/support/quic-owners.ts";
import { RelayWorld, type RelayWorldOptions } from "../../../test/support/quic-relay-world.ts";
import { QuicWorld } from "../../../test/support/quic-world.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { Clock } from "../../base/clock.ts";
import { nativeAddon } from "../../fastpath/native-addon.ts";
import { openUdp } from "../../fastpath/open-udp.ts";
import { MAX_RELAY_HELD_BYTES } from "./quic-relay-limits.ts";

const BOUND = { timeout: 60_000 };
const LONG = { timeoutMs: 40_000 };
const KIND = nativeAddon() === null ? "net" : "epoll";
const worlds: QuicWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

async function open(options?: RelayWorldOptions): Promise<RelayWorld> {
  const clock = new Clock();
  const world = await QuicWorld.open(openUdp(KIND, clock), clock);
  worlds.push(world);
  return await RelayWorld.open(world, options);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

async function assertOver(relays: RelayWorld): Promise<void> {
  await waitFor("the relay to be over", () => relays.tally.get("quic_modeb_connections") === 0);
  assert.equal(relays.tally.get("quic_modeb_streams_active"), 0);
  assert.equal(relays.relay.heldBytes("client") + relays.relay.heldBytes("backend"), 0);
}

test("1,000 streams pass whole, said before the backend has answered or later", BOUND, async () => {
  const relays = await open({ serve: echo });
  const client = await relays.client();
  const sent = new Map<number, string>();
  for (let i = 0; i < 1000;) {
    await waitFor("streams to open", () => client.link.bidirectionalLeft() > 0, LONG);
    while (i < 1000 && client.link.bidirectionalLeft() > 0) {
      const text = `stream ${i++} `.repeat((i % 100) + 1);
      sent.set(client.say(text), text);
    }
  }
  await waitFor("all echoes", () => [...sent.keys()].every((id) => client.stream(id).ended), LONG);
  for (const [id, text] of sent) assert.equal(client.stream(id).text, text);
  assert.equal(relays.tally.get("quic_modeb_streams_total"), 1000);
  await waitFor("no stream to be left", () => relays.tally.get("quic_modeb_streams_active") === 0);
  client.link.close(0, "");
  await assertOver(relays);
});

test("large bodies pass both ways at once, through small windows", BOUND, async () => {
  const relays = await open({ serve: echo });
  const { client } = await relays.connected();
  client.keep = false;
  const octets = 3 * 1024 * 1024;
  const pours = range(3).map(() => {
    const id = client.link.openBidirectional();
    return { id, pour: new Pour(client.link, id, octets) };
  });
  client.onWritable = (id) => pours.find((pour) => pour.id === id)?.pour.go();
  for (const { pour } of pours) pour.go();
  await waitFor("the echoes", () => pours.every(({ id }) => client.stream(id).ended), LONG);
  for (const { id } of pours) assert.equal(client.stream(id).octets, octets);
  assert.equal(relays.relay.requestBytes, 3 * octets);
  assert.equal(relays.relay.responseBytes, 3 * octets);
});

/** Sends on as many streams as are allowed, more than all windows on the way hold. */
function flood(writer: NotingOwner): { readonly ids: number[]; readonly each: number; taken(): number } {
  const each = 512 * 1024;
  const pours = new Map<number, Pour>();
  for (const _ of range(12)) {
    const id = writer.link.openBidirectional();
    pours.set(id, new Pour(writer.link, id, each));
  }
  writer.onWritable = (id) => pours.get(id)?.go();
  for (const pour of pours.values()) pour.go();
  const left = (): number => [...pours.values()].reduce((sum, pour) => sum + pour.left, 0);
  return { ids: [...pours.keys()], each, taken: () => pours.size * each - left() };
}

for (const slow of ["client", "backend"] as const) {
  test(
    `a ${slow} that stalls has less than 512 KiB in the gateway, and gets all of it later`,
    BOUND,
    async () => {
      const windows = { connectionWindowBytes: 100_000, streamWindowBytes: 50_000 };
      const relays = await open({ ends: windows });
      const { client, backend } = await relays.connected();
      const reader = slow === "client" ? client : backend;
      const writer = slow === "client" ? backend : client;
      reader.keep = false;
      reader.link.pauseAll();
      const { ids, each, taken } = flood(writer);
      let before = -1;
      await waitFor(
        "all windows to be full",
        () => {
          const rests = taken() === before && before > windows.connectionWindowBytes;
          before = taken();
          return rests;
        },
        { everyMs: 300 },
      );
      // The engine's own windows included: what the writer could send, less what the reader has.
      const inGateway = taken() - windows.connectionWindowBytes;
      assert.ok(inGateway <= MAX_RELAY_HELD_BYTES && inGateway < 512 * 1024, `${inGateway} octets`);
      reader.link.resumeAll();
      await waitFor("all of it", () => ids.every((id) => reader.stream(id).ended), LONG);
      for (const id of ids) assert.equal(reader.stream(id).octets, each);
    },
  );
}

test("codes of resets and stops pass, either way, at whatever moment", BOUND, async () => {
  const relays = await open();
  const { client, backend } = await relays.connected();
  for (const [from, to] of [
    [client, backend],
    [backend, client],
  ] as const) {
    const ids = range(12).map((i) => from.say("x".repeat(i * 3000), i % 3 === 2));
    await waitFor("all streams", () => ids.every((id, i) => to.stream(id).octets === i * 3000));
    ids.forEach((id, i) => {
      if (i % 3 === 0) from.link.reset(id, 0x1000 + i);
      else if (i % 3 === 1) to.link.stop(id, 0x2000 + i);
      else to.link.reset(id, 0x3fff_ffff_0000 + i);
    });
    const told = (id: number, i: number): boolean => {
      if (i % 3 === 0) return to.stream(id).resetCode === 0x1000 + i;
      if (i % 3 === 1) return from.stream(id).stoppedCode === 0x2000 + i;
      return from.stream(id).resetCode === 0x3fff_ffff_0000 + i;
    };
    await waitFor("all codes", () => ids.every(told));
  }
  // At once with the data, and before anything is answered.
  const early = range(8).map(() => client.say("y".repeat(20_000), false));
  for (const id of early) client.link.reset(id, id + 1);
  await waitFor("the resets", () => early.every((id) => backend.stream(id).resetCode === id + 1));
  assert.equal(client.closed, null);
});

const NOTHING = Buffer.alloc(0);

/** Ways to end a stream early, in both directions; `rounds` of the pump lie between. */
const EARLY_ENDS: readonly ((peer: NotingOwner, id: number, rounds: () => Promise<void>) => Promise<void>)[] =
  [
    async ({ link }, id) => {
      link.reset(id, 1);
      link.stop(id, 2);
    },
    async ({ link }, id, rounds) => {
      link.stop(id, 3);
      await rounds();
      link.reset(id, 4);
    },
    async ({ link }, id, rounds) => {
      link.reset(id, 5);
      await rounds();
      link.stop(id, 6);
    },
    async ({ link }, id, rounds) => {
      link.stop(id, 7);
      await rounds();
      link.write(id, NOTHING, 0, 0, true);
      // An end that is not sent before all else is acknowledged is lost with quiche: the stream is over to it.
      link.flush();
    },
  ];

test("streams that end in any way at any moment, many at once, leave nothing behind", BOUND, async () => {
  // Its window is one that cancelled streams do not use up.
  const gateway = { connectionWindowBytes: 16 * 1024 * 1024 };
  const relays = await open({ serve: echo, ends: { maxBidirectionalStreams: 100 }, gateway });
  const { client, backend } = await relays.connected();
  const whole = new Map<number, number>();
  for (const i of range(300)) {
    await waitFor("a stream", () => client.link.bidirectionalLeft() > 0, LONG);
    const rounds = async (): Promise<void> => {
      for (let left = i % 7; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
    };
    const octets = 1 + ((i * 7919) % 60_000);
    const id = client.say("z".repeat(octets), i % 3 === 0);
    await rounds();
    const end = EARLY_ENDS[(i >> 2) % EARLY_ENDS.length];
    if (i % 3 === 0) {
      whole.set(id, octets);
    } else if (i % 3 === 1) {
      await end?.(client, id, rounds);
    } else {
      await waitFor("the backend to hear of it", () => backend.stream(id).octets > 0);
      await end?.(backend, id, rounds);
      client.link.reset(id, 8);
      client.link.stop(id, 9);
    }
  }
  await waitFor("whole echoes", () => [...whole.keys()].every((id) => client.stream(id).ended), LONG);
  for (const [id, octets] of whole) assert.equal(client.stream(id).octets, octets);
  await waitFor("no stream to be left", () => relays.tally.get("quic_modeb_streams_active") === 0);
  backend.link.close(0, "");
  await waitFor("the close", () => client.closed !== null);
  await assertOver(relays);
  assert.deepEqual(relays.gateway.allFaults, {});
});

test("datagrams pass both ways, those that came before the backend had answered too", BOUND, async () => {
  const relays = await open();
  const client = await relays.client();
  client.link.sendDatagram(Buffer.from("early"), 0, 5);
  await waitFor(
    "the backend",
    () => relays.backends.served.length > 0 && relays.backend.datagrams.length === 1,
  );
  const { backend } = relays;
  for (const i of range(50)) {
    backend.link.sendDatagram(Buffer.from(`b${i}`), 0, i < 10 ? 2 : 3);
    client.link.sendDatagram(Buffer.from(`c${i}`), 0, i < 10 ? 2 : 3);
  }
  await waitFor("all", () => backend.datagrams.length === 51 && client.datagrams.length === 50);
  assert.deepEqual(
    client.datagrams,
    range(50).map((i) => `b${i}`),
  );
  assert.equal(relays.tally.get("quic_modeb_datagrams_dropped_total"), 0);
});

for (const closer of ["client", "backend"] as const) {
  test(`the ${closer}'s close passes with its code and reason, after what it has said`, BOUND, async () => {
    const relays = await open();
    const { client, backend } = await relays.connected();
    const [from, to] = closer === "client" ? [client, backend] : [backend, client];
    const id = from.say("last words");
    from.link.close(0x1234_5678, "so long");
    await waitFor("the close", () => to.closed !== null);
    assert.deepEqual(to.closed, { by: "peer", application: true, code: 0x1234_5678, reason: "so long" });
    assert.equal(to.stream(id).text, "last words");
    assert.deepEqual(relays.gateway.allFaults, {});
    await assertOver(relays);
  });
}

test("a client is refused when its backend is not there, or not to be trusted", BOUND, async () => {
  const refusals: readonly (readonly [RelayWorldOptions, readonly string[]])[] = [
    [{ backendPort: 1, connectTimeoutMs: 300 }, ["connect_timeout", "connect_refused"]],
    [{ caPem: new CertificateAuthority("Nobody's Authority").rootPem }, ["upstream_tls_failed"]],
  ];
  for (const [options, faults] of refusals) {
    const relays = await open(options);
    const client = await relays.client();
    client.say("anybody there?");
    await waitFor("the refusal", () => client.closed !== null);
    assert.deepEqual(client.closed, { by: "peer", application: false, code: 0x2, reason: "no backend" });
    const [fault = "none"] = Object.keys(relays.gateway.allFaults);
    assert.ok(faults.includes(fault), fault);
    await assertOver(relays);
  }
});

test(
  "a backend that has forgotten its connection ends the client's with an internal error",
  BOUND,
  async () => {
    const relays = await open();
    const { client, backend } = await relays.connected();
    backend.link.abandon();
    await waitFor("the backend to forget", () => backend.closed !== null);
    client.say("still there?");
    await waitFor("the end", () => client.closed !== null);
    assert.equal(client.closed?.application, false);
    assert.equal(client.closed?.code, 0x1);
    assert.deepEqual(relays.gateway.allFaults, { upstream_reset: 1 });
    await assertOver(relays);
  },
);

test("a stop ends both connections at once", BOUND, async () => {
  const relays = await open();
  const { client, backend } = await relays.connected();
  client.say("unfinished", false);
  await waitFor("the stream", () => backend.stream(0).octets > 0);
  assert.equal(relays.relay.abort(), true);
  await waitFor("both", () => client.closed !== null && backend.closed !== null);
  for (const { closed } of [client, backend]) {
    assert.deepEqual(closed, { by: "peer", application: false, code: 0, reason: "shutting down" });
  }
  await assertOver(relays);
});
