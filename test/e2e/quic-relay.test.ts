/** Raw QUIC relayed to backends that speak it too (`[listeners.quic.raw_proxy]`), of any protocol: streams, codes, datagrams. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { freePort } from "../support/addresses.ts";
import type { QuicConnection } from "../../src/proxy/quic/quic-connection.ts";
import { type CleanupScope, Gateway } from "../support/gateway.ts";
import type { LogLine } from "../support/log-tail.ts";
import { NotingOwner, echo, Pour } from "../support/quic-owners.ts";
import { QuicUsers } from "../support/quic-users.ts";
import { ALPN, SERVER_NAME, type TestListener } from "../support/quic-world.ts";
import { SecureSite } from "../support/secure-listener.ts";
import { waitFor } from "../support/wait-for.ts";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

type Block = Readonly<Record<string, unknown>>;

const KIB = 1024;

/** Sends datagrams back. */
class EchoOwner extends NotingOwner {
  constructor(link: QuicConnection) {
    super();
    this.link = link;
  }

  override onDatagram(bytes: Buffer, start: number, end: number): void {
    super.onDatagram(bytes, start, end);
    this.link.sendDatagram(bytes, start, end);
  }
}

interface RelayBackend {
  readonly port: number;
  /** Connections, in order. */
  readonly served: EchoOwner[];
  readonly listener: TestListener;
}

interface RelayScene {
  readonly gateway: Gateway;
  readonly backends: readonly RelayBackend[];
  readonly port: number;
  readonly users: QuicUsers;
  connect(options?: Parameters<QuicUsers["raw"]>[2]): Promise<NotingOwner>;
}

interface RelayOptions {
  readonly backends?: number;
  readonly rawProxy?: Block;
  readonly quic?: Block;
  readonly serve?: (owner: EchoOwner) => void;
  /** Where no backend listens. */
  readonly nowhere?: boolean;
}

async function startBackend(users: QuicUsers, serve: (owner: EchoOwner) => void): Promise<RelayBackend> {
  const served: EchoOwner[] = [];
  const listener = await users.world.listener(users.world.environment(), {
    owner: {
      onConnection: (link) => {
        const owner = new EchoOwner(link);
        served.push(owner);
        serve(owner);
        return owner;
      },
    },
  });
  return { port: listener.endpoint.port, served, listener };
}

async function startRelay(scope: CleanupScope, options: RelayOptions = {}): Promise<RelayScene> {
  const site = new SecureSite(scope);
  const users = await QuicUsers.open(scope, site.authority.rootPem);
  const backends: RelayBackend[] = [];
  for (let i = 0; i < (options.backends ?? 1); i++)
    backends.push(await startBackend(users, options.serve ?? echo));
  const caPath = join(site.folder, "backend-ca.pem");
  writeFileSync(caPath, users.world.authority.rootPem);
  const addresses = options.nowhere === true ? [`127.0.0.1:${await freePort()}`] : addressesOf(backends);
  const port = await freePort();
  const rawProxy = { backends: addresses, sni: SERVER_NAME, backend_ca_path: caPath, ...options.rawProxy };
  const { backends: _none, ...listener } = site.quicListener(port, [], {
    raw_proxy: rawProxy,
    ...options.quic,
  });
  const gateway = await Gateway.start(scope, { listeners: [listener] });
  const connect: RelayScene["connect"] = (dial) =>
    users.raw(port, new NotingOwner(), { alpn: [ALPN], ...dial });
  return { gateway, backends, port, users, connect };
}

function addressesOf(backends: readonly RelayBackend[]): string[] {
  return backends.map(({ port }) => `127.0.0.1:${port}`);
}

/** The backend's end of the newest connection. */
async function serverOf({ backends }: RelayScene): Promise<EchoOwner> {
  return await waitFor("the backend's connection", () => backends[0]?.served.at(-1), { everyMs: 2 });
}

describe("raw QUIC", { timeout: 180_000 }, () => {
  it("passes streams of both kinds and of both sides, with the protocol that the client asked for", async (t) => {
    const scene = await startRelay(t);
    const client = await scene.connect();
    const [one, two] = [client.say("first"), client.say("second".repeat(20_000))];
    await waitFor("two echoes", () => client.stream(one).ended && client.stream(two).ended);
    assert.equal(client.stream(one).text, "first");
    assert.equal(client.stream(two).octets, 120_000);
    const server = await serverOf(scene);
    assert.equal(server.link.applicationProtocol, ALPN);
    assert.equal(client.link.applicationProtocol, ALPN);
    const push = server.link.openUnidirectional();
    server.link.write(push, Buffer.from("pushed"), 0, 6, true);
    const ask = server.say("and you?");
    server.link.flush();
    await waitFor("both at the client", () => client.stream(push).ended && client.stream(ask).ended);
    assert.deepEqual([client.stream(push).text, client.stream(ask).text], ["pushed", "and you?"]);
    const metrics = await scene.gateway.metric("them", (now) => now.sum("quic_modeb_streams_total") === 4);
    assert.equal(metrics.sum("quic_modeb_connections"), 1);
  });

  it("passes the codes of resets and stops, both ways", async (t) => {
    const scene = await startRelay(t, { serve: () => {} });
    const client = await scene.connect();
    const ids = [client.say("one", false), client.say("two", false)] as const;
    const server = await serverOf(scene);
    await waitFor("both streams", () => server.streams.size === 2);
    client.link.reset(ids[0], 0x1234);
    server.link.stop(ids[1], 0x3fff_ffff_fffe);
    client.link.flush();
    server.link.flush();
    await waitFor("the reset at the backend", () => server.stream(ids[0]).resetCode === 0x1234);
    await waitFor("the stop at the client", () => client.stream(ids[1]).stoppedCode === 0x3fff_ffff_fffe);
    const ask = [server.say("three", false), server.say("four", false)] as const;
    await waitFor("both streams", () => client.streams.has(ask[0]) && client.streams.has(ask[1]));
    server.link.reset(ask[0], 7);
    client.link.stop(ask[1], 0);
    client.link.flush();
    server.link.flush();
    await waitFor("the reset at the client", () => client.stream(ask[0]).resetCode === 7);
    await waitFor("the stop at the backend", () => server.stream(ask[1]).stoppedCode === 0);
  });

  it("passes the close of either side with its code and reason", async (t) => {
    const scene = await startRelay(t);
    for (const closer of ["client", "server"] as const) {
      const client = await scene.connect();
      client.say("hello");
      await waitFor("an echo", () => client.stream(0).ended);
      const server = await serverOf(scene);
      const [from, to] = closer === "client" ? [client, server] : [server, client];
      from.link.close(0x1234_5678, "so long");
      const closed = await waitFor("the close", () => to.closed);
      assert.deepEqual(closed, { by: "peer", application: true, code: 0x1234_5678, reason: "so long" });
    }
    await scene.gateway.metric("nobody", (now) => now.sum("quic_modeb_connections") === 0);
  });

  it("passes datagrams both ways", async (t) => {
    const scene = await startRelay(t);
    const client = await scene.connect();
    for (let i = 0; i < 100; i++) {
      const text = Buffer.from(`datagram ${i} ${"x".repeat(1000)}`);
      assert.ok(client.link.sendDatagram(text, 0, text.length));
      client.link.flush();
    }
    // Datagrams may be lost; on this path few are.
    await waitFor("most to come back", () => client.datagrams.length >= 80);
    assert.ok(client.datagrams.every((text) => /^datagram \d+ x{1000}$/.test(text)));
  });

  it("goes to several backends in turn, and past one that is not there", async (t) => {
    const scene = await startRelay(t, { backends: 3 });
    for (let i = 0; i < 6; i++) {
      const client = await scene.connect();
      client.say("hello");
      await waitFor("an echo", () => client.stream(0).ended);
    }
    assert.deepEqual(
      scene.backends.map(({ served }) => served.length),
      [2, 2, 2],
    );
    scene.backends[1]?.listener.endpoint.close();
    for (let i = 0; i < 3; i++) {
      const client = await scene.connect();
      client.say("hello");
      await waitFor("an echo", () => client.stream(0).ended, { timeoutMs: 15_000 });
    }
    assert.equal(scene.backends[1]?.served.length, 2);
  });

  it("without a backend ends with a clear code, in time", async (t) => {
    const scene = await startRelay(t, { nowhere: true });
    const client = await scene.connect();
    client.say("hello");
    const closed = await waitFor("the close", () => client.closed, { timeoutMs: 20_000 });
    assert.equal(closed.by, "peer");
    await scene.gateway.metric("nobody", (now) => now.sum("quic_modeb_connections") === 0);
  });

  for (const [when, octets] of [
    ["it takes its time", 0],
    ["it is sent something", 100_000],
  ] as const) {
    it(`whose backend is gone while ${when} ends with the transport's INTERNAL_ERROR`, async (t) => {
      const scene = await startRelay(t, { serve: () => {} });
      const client = await scene.connect();
      const id = client.say("hello", false);
      const server = await serverOf(scene);
      await waitFor("the question", () => server.stream(id).octets === 5);
      // Says nothing to anybody.
      scene.backends[0]?.listener.endpoint.close();
      const since = performance.now();
      if (octets > 0) client.link.write(id, Buffer.alloc(octets), 0, octets, false);
      client.link.flush();
      const closed = await waitFor("the close", () => client.closed, { timeoutMs: 40_000 });
      t.diagnostic(`noticed after ${((performance.now() - since) / 1000).toFixed(1)} s`);
      assert.deepEqual([closed.by, closed.application, closed.code], ["peer", false, 1]);
      const failed = (line: LogLine): boolean => line.fields["message"] === "backend connection failed";
      const line = await scene.gateway.waitForLog("the fault", failed);
      assert.equal(line.fields["detail"], "the backend's port is closed");
      await scene.gateway.metric("nobody", (now) => now.sum("quic_modeb_connections") === 0);
    });
  }

  it("whose backend shows a certificate of somebody else's gets nothing", async (t) => {
    const scene = await startRelay(t, { rawProxy: { sni: "else.example" } });
    const client = await scene.connect();
    client.say("hello");
    await waitFor("the close", () => client.closed, { timeoutMs: 20_000 });
    assert.equal(client.streams.size, 0);
    assert.equal(
      scene.backends[0]?.served.every(({ streams }) => streams.size === 0),
      true,
    );
  });

  it("holds less than 512 KiB for a reader that stalls, and gives it all when it goes on", async (t) => {
    const total = 8 * 1024 * KIB;
    const windowBytes = 64 * KIB;
    let pour: Pour | undefined;
    const scene = await startRelay(t, {
      serve: (owner) => {
        owner.onData = (id) => {
          pour = new Pour(owner.link, id, total);
          pour.go();
        };
        owner.onWritable = () => pour?.go();
      },
    });
    const transport = { connectionWindowBytes: windowBytes, streamWindowBytes: windowBytes };
    const client = await scene.connect({ transport });
    client.keep = false;
    client.link.pauseAll();
    const id = client.say("give me much");
    let before = -1;
    await waitFor(
      "it to stand still",
      () => {
        const now = pour?.left ?? -1;
        const still = now === before && now !== -1;
        before = now;
        return still;
      },
      { everyMs: 500, timeoutMs: 15_000 },
    );
    const held = total - before - windowBytes;
    t.diagnostic(`${Math.round(held / KIB)} KiB are held`);
    assert.ok(held < 512 * KIB, `${held} octets are held`);
    client.link.resumeAll();
    client.link.flush();
    await waitFor("all of it", () => client.stream(id).ended, { timeoutMs: 30_000 });
    assert.equal(client.stream(id).octets, total);
  });
});
