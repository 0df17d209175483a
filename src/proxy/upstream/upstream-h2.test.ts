import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { H2Code } from "../../wire/h2/error-code.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import {
  data,
  goAway,
  h2Backends,
  headers,
  MemoryH2Backend,
  pong,
  raw,
  rstStream,
  type SettingsSpec,
  settingsFrame,
} from "../../../test/support/memory-h2.ts";
import { answersTo, assertClean, chunkedHead, get, told } from "../../../test/support/memory-http.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import type { PlanSpec } from "../../../test/support/memory-plan.ts";
import { type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";

const ONE = { app: ["h2://10.0.0.1:80"] };

interface Running {
  readonly gateway: MemoryGateway;
  readonly backends: MemoryH2Backend[];
}

function running(spec: PlanSpec = {}, settings: SettingsSpec = {}): Running {
  const gateway = new MemoryGateway({ services: ONE, ...spec });
  return { gateway, backends: h2Backends(gateway, settings) };
}

function requesting(gateway: MemoryGateway, count: number): RecordingSink[] {
  return Array.from({ length: count }, (_, index) => sendTo(gateway, get(`/${index}`)));
}

function session(backends: readonly MemoryH2Backend[], index: number): MemoryH2Backend {
  return backends[index] ?? assert.fail(`${backends.length} sessions were opened`);
}

/** Answers every request that waits for it, on every session. */
function answerAll(backends: readonly MemoryH2Backend[]): void {
  for (const backend of backends) {
    for (const request of backend.read().requests) {
      if (request.body !== "" || answered.has(request)) continue;
      answered.add(request);
      if (request.reset === -1 && backend.peer.ending === "open") backend.answer(request.stream, "x");
    }
  }
}

const answered = new WeakSet<object>();

function outcomes(sinks: readonly RecordingSink[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { events } of sinks) {
    const last = events.at(-1) ?? "nothing";
    counts[last] = (counts[last] ?? 0) + 1;
  }
  return counts;
}

test("one session carries many requests, and further ones later", () => {
  const { gateway, backends } = running();
  const sinks = requesting(gateway, 50);
  assert.equal(backends.length, 1);
  assert.equal(gateway.global("h2_upstream_connections"), 1);
  assert.equal(gateway.global("h2_upstream_streams"), 50);
  answerAll(backends);
  assert.deepEqual(outcomes(sinks), { end: 50 });
  assert.equal(gateway.global("pool_idle_gauge"), 1);
  const [later] = requesting(gateway, 1);
  answerAll(backends);
  assert.deepEqual(later?.events, ["200", "end"]);
  assert.equal(backends.length, 1);
  assertClean(gateway);
});

test("beyond its share a session goes on, and one more is opened beside it", () => {
  const { gateway, backends } = running();
  const sinks = requesting(gateway, 240);
  assert.equal(backends.length, 3);
  const loads = backends.map((backend) => backend.read().requests.length);
  assert.deepEqual(loads, [101, 101, 38]);
  answerAll(backends);
  assert.deepEqual(outcomes(sinks), { end: 240 });
  assertClean(gateway);
});

test("a name with several addresses gets a session to each, and streams spread over them", () => {
  const { gateway, backends } = running({
    services: { app: ["h2://app.internal:80"] },
    resolved: { "app.internal": ["10.1.0.1", "10.1.0.2", "10.1.0.3"] },
  });
  const sinks = requesting(gateway, 30);
  assert.deepEqual(
    gateway.transport.dials.map(({ target }) => target.host),
    ["10.1.0.1", "10.1.0.2", "10.1.0.3"],
  );
  for (const backend of backends) {
    const load = backend.read().requests.length;
    assert.ok(load >= 9 && load <= 12, `${load} of 30 streams`);
  }
  answerAll(backends);
  assert.deepEqual(outcomes(sinks), { end: 30 });
  assertClean(gateway);
});

test("a backend that takes no further session is left in peace for a while, and serves on those it has", () => {
  const { gateway, backends } = running({}, { maxStreams: 120 });
  const sinks = requesting(gateway, 50);
  gateway.transport.onDial = ({ peer }) => peer.fail("ECONNREFUSED");
  sinks.push(...requesting(gateway, 100));
  const dials = gateway.transport.dials.length;
  assert.equal(dials, 2);
  assert.deepEqual(outcomes(sinks), { nothing: 150 }, "nobody pays for it");
  gateway.advance(1100);
  sinks.push(...requesting(gateway, 1));
  assert.equal(gateway.transport.dials.length, dials + 1);
  answerAll(backends);
  answerAll(backends);
  assert.deepEqual(outcomes(sinks), { end: 151 });
  assertClean(gateway);
});

test("a burst that waits for the first session is spread over those that it needs", () => {
  const { gateway } = running();
  gateway.holdDials();
  const sinks = requesting(gateway, 250);
  assert.equal(gateway.transport.dials.length, 3);
  const backends = gateway.transport.dials.map(({ peer }) => new MemoryH2Backend(peer));
  for (const backend of backends) {
    backend.peer.accept();
    backend.settings();
  }
  assert.deepEqual(
    backends.map((backend) => backend.read().requests.length),
    [100, 100, 50],
  );
  answerAll(backends);
  assert.deepEqual(outcomes(sinks), { end: 250 });
  assertClean(gateway);
});

test("the peer's limit of streams holds, and who waits is served in turn", () => {
  const { gateway, backends } = running({ pool: { maxPerBackend: 2 } }, { maxStreams: 1 });
  const sinks = requesting(gateway, 5);
  assert.equal(backends.length, 2);
  for (let round = 0; round < 5; round++) {
    for (const backend of backends)
      assert.ok(backend.read().requests.filter((request) => !answered.has(request)).length <= 1);
    answerAll(backends);
  }
  assert.deepEqual(outcomes(sinks), { end: 5 });
  assertClean(gateway);
});

test("waiters beyond what connections could carry get 503 at once", () => {
  const { gateway, backends } = running(
    { pool: { maxPerBackend: 1, maxPendingPerBackend: 2 } },
    { maxStreams: 1 },
  );
  const sinks = requesting(gateway, 4);
  assert.deepEqual(outcomes(sinks), { nothing: 3, pool_exhausted: 1 });
  answerAll(backends);
  answerAll(backends);
  answerAll(backends);
  assert.deepEqual(outcomes(sinks), { end: 3, pool_exhausted: 1 });
  assertClean(gateway);
});

test("a limit that is raised later is used", () => {
  const { gateway, backends } = running({ pool: { maxPerBackend: 1 } }, { maxStreams: 1 });
  const sinks = requesting(gateway, 10);
  assert.equal(session(backends, 0).read().requests.length, 1);
  session(backends, 0).send(settingsFrame({ maxStreams: 100 }));
  assert.equal(session(backends, 0).read().requests.length, 10);
  answerAll(backends);
  assert.deepEqual(outcomes(sinks), { end: 10 });
  assertClean(gateway);
});

test("a peer that allows no streams is a failed dial, and is not dialled over and over", () => {
  const { gateway, backends } = running({}, { maxStreams: 0 });
  const [sink] = requesting(gateway, 1);
  assert.deepEqual(sink?.events, ["connect_failed"]);
  assert.equal(backends.length, 1);
  assertClean(gateway);
});

test("nothing is sent before the peer's SETTINGS; without them the request goes elsewhere in time", () => {
  const { gateway } = running({
    services: { app: ["h2://10.0.0.1:80", "h2://10.0.0.2:80"] },
    runtime: { connectTimeoutMs: 2000 },
  });
  const silent: MemoryH2Backend[] = [];
  gateway.transport.onDial = ({ peer }) => {
    silent.push(new MemoryH2Backend(peer));
    peer.accept();
  };
  const sink = sendTo(gateway, get("/").replace("GET", "POST"));
  gateway.advance(1000);
  assert.equal(session(silent, 0).read().requests.length, 0);
  gateway.advance(1100);
  assert.equal(session(silent, 0).peer.ending, "closed");
  session(silent, 1).settings();
  answerAll(silent);
  assert.deepEqual(sink.events, ["200", "end"]);
  assert.equal(gateway.global("backend_connect_timeout_total"), 1);
  assertClean(gateway);
});

test("a server that speaks something else has been sent no request: it goes to another backend", () => {
  for (const bytes of [
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "",
  ]) {
    const { gateway } = running({ services: { app: ["h2://10.0.0.1:80", "h2://10.0.0.2:80"] } });
    const peers: MemoryPeer[] = [];
    gateway.transport.onDial = ({ peer }) => {
      peers.push(peer);
      peer.accept();
      if (peers.length > 1) return;
      if (bytes === "") peer.end();
      else peer.send(bytes);
    };
    const sink = sendTo(gateway, get("/").replace("GET", "POST"));
    const second = new MemoryH2Backend(peers[1] ?? assert.fail("no second backend"));
    second.settings();
    answerAll([second]);
    assert.deepEqual(sink.events, ["200", "end"], bytes);
    assert.equal(peers[0]?.ending, "closed");
    assertClean(gateway);
  }
});

test("GOAWAY: streams up to its last go on, those above are sent again, new ones go to a new session", () => {
  const { gateway, backends } = running();
  const kept = sendTo(gateway, get("/kept"));
  const post = sendTo(gateway, get("/post").replace("GET", "POST"));
  const held = sendTo(gateway, chunkedHead("/held"));
  const lost = sendTo(gateway, chunkedHead("/lost"));
  lost.write(gateway, Buffer.alloc(20_000));
  session(backends, 0).send(goAway(1));
  assert.deepEqual(lost.events, ["upstream_stream_refused"]);
  const second = session(backends, 1);
  const paths = second.read().requests.map(({ fields }) => fields.find(([name]) => name === ":path")?.[1]);
  assert.deepEqual(paths, ["/post", "/held"]);
  held.write(gateway, "body");
  held.end(gateway);
  const after = sendTo(gateway, get("/after"));
  for (const { stream } of second.read().requests) second.answer(stream, "second");
  session(backends, 0).answer(1, "first");
  assert.deepEqual(outcomes([kept, post, held, after]), { end: 4 });
  assert.equal(kept.text, "first");
  assert.equal(session(backends, 0).peer.ending, "closed", "the session closes after its last stream");
  assert.equal(second.peer.ending, "open");
  assert.equal(gateway.global("h2_goaway_received_total"), 1);
  assert.equal(gateway.global("h2_upstream_streams_refused_total"), 3);
  assertClean(gateway);
});

test("a backend that closes its sessions all the time is tried again more often, but not for ever", () => {
  const { gateway, backends } = running();
  const sink = sendTo(gateway, get("/").replace("GET", "POST"));
  for (let i = 0; i < 8; i++) {
    assert.deepEqual(sink.events, [], `${i}`);
    session(backends, i).send(goAway(0));
  }
  assert.deepEqual(sink.events, ["upstream_stream_refused"]);
  assert.equal(backends.length, 8);
  assertClean(gateway);
});

test("a shutdown in two steps loses nothing", () => {
  const { gateway, backends } = running();
  const sinks = requesting(gateway, 3);
  session(backends, 0).send(goAway(0x7fff_ffff));
  const later = sendTo(gateway, get("/later"));
  assert.equal(backends.length, 2);
  session(backends, 0).send(goAway(5));
  answerAll(backends);
  assert.deepEqual(outcomes([...sinks, later]), { end: 4 });
  assert.equal(gateway.global("upstream_retries_total"), 0);
  assertClean(gateway);
});

test("a session that dies with streams on it fails them, and the next request has a new one", () => {
  for (const [die, code] of [
    [(peer: MemoryPeer): void => peer.fail("ECONNRESET"), "upstream_reset"],
    [(peer: MemoryPeer): void => peer.end(), "upstream_closed"],
  ] as const) {
    const { gateway, backends } = running();
    const sinks = requesting(gateway, 100);
    session(backends, 0).send(headers(1, [[":status", "200"]], false), data(1, "part"));
    die(session(backends, 0).peer);
    assert.deepEqual(outcomes(sinks), { [code]: 100 });
    assert.deepEqual(sinks[0]?.events, ["200", code]);
    const [next] = requesting(gateway, 1);
    answerAll(backends);
    assert.deepEqual(next?.events, ["200", "end"]);
    assert.equal(gateway.global("h2_upstream_connections"), 1);
    assertClean(gateway);
  }
});

test("a session that had died while it rested costs nobody anything that may be repeated", () => {
  const { gateway, backends } = running();
  const [first] = requesting(gateway, 1);
  answerAll(backends);
  assert.deepEqual(first?.events, ["200", "end"]);
  const repeatable = requesting(gateway, 99);
  const post = sendTo(gateway, get("/").replace("GET", "POST"));
  session(backends, 0).peer.fail("ECONNRESET");
  assert.deepEqual(post.events, ["upstream_reset"]);
  assert.equal(backends.length, 2, "one session is enough for all of them");
  answerAll(backends);
  assert.deepEqual(outcomes(repeatable), { end: 99 });
  assertClean(gateway);
});

test("an idle session that the backend closed, or spoke on, is not used", () => {
  for (const act of [
    (backend: MemoryH2Backend): void => backend.peer.end(),
    (backend: MemoryH2Backend): void => backend.peer.fail("ECONNRESET"),
    (backend: MemoryH2Backend): void => backend.send(goAway(1)),
  ]) {
    for (const untold of [false, true]) {
      const { gateway, backends } = running();
      requesting(gateway, 1);
      answerAll(backends);
      gateway.advance(1000);
      const first = session(backends, 0);
      if (untold) first.peer.hold();
      act(first);
      const [next] = requesting(gateway, 1);
      first.peer.release();
      answerAll(backends);
      assert.deepEqual(next?.events, ["200", "end"]);
      assert.equal(backends.length, 2);
      assert.equal(gateway.global("pool_probe_failures_total"), untold ? 1 : 0);
      assertClean(gateway);
    }
  }
});

test("a silent session is asked for a sign of life, and closed without one", () => {
  const { gateway, backends } = running();
  const sinks = requesting(gateway, 2);
  const [backend] = backends as [MemoryH2Backend];
  gateway.advance(29_000);
  assert.equal(backend.ofType("PING").length, 0);
  gateway.advance(1500);
  const [ping] = backend.ofType("PING");
  assert.ok(ping !== undefined);
  backend.send(pong(ping));
  gateway.advance(8000);
  backend.send(headers(1, [[":status", "200"]], false));
  gateway.advance(30_500);
  assert.equal(backend.ofType("PING").length, 2);
  gateway.advance(9000);
  assert.equal(backend.peer.ending, "open");
  gateway.advance(1000);
  assert.equal(backend.peer.ending, "closed");
  assert.deepEqual(outcomes(sinks), { upstream_closed: 2 });
  assert.equal(gateway.global("h2_upstream_pings_unanswered_total"), 1);
  assertClean(gateway);
});

test("streams that stay silent for long are not asked about more often than servers of gRPC bear", () => {
  const { gateway, backends } = running();
  requesting(gateway, 1);
  const [backend] = backends as [MemoryH2Backend];
  let answeredPings = 0;
  for (let second = 0; second < 600; second += 5) {
    gateway.advance(5000);
    const pings = backend.ofType("PING");
    for (const ping of pings.slice(answeredPings)) backend.send(pong(ping));
    answeredPings = pings.length;
  }
  assert.equal(answeredPings, 2);
  assert.equal(backend.peer.ending, "open");
  assertClean(gateway);
});

test("SETTINGS that are never acknowledged, and a frame that never ends, end the session", () => {
  for (const act of [
    (backend: MemoryH2Backend): void => backend.send(settingsFrame({})),
    (backend: MemoryH2Backend): void => {
      backend.settings();
      backend.send(headers(1, [[":status", "200"]], true).subarray(0, 12));
    },
  ]) {
    const { gateway } = running();
    let backend: MemoryH2Backend | null = null;
    gateway.transport.onDial = ({ peer }) => {
      backend = new MemoryH2Backend(peer);
      peer.accept();
      act(backend);
    };
    const [sink] = requesting(gateway, 1);
    gateway.advance(70_000);
    assert.deepEqual(sink?.events, ["upstream_closed"]);
    assertClean(gateway);
  }
});

test("a session rests for the idle timeout and says goodbye", () => {
  const { gateway, backends } = running({ pool: { idleTimeoutMs: 10_000 } });
  requesting(gateway, 1);
  answerAll(backends);
  gateway.advance(9000);
  const [backend] = backends as [MemoryH2Backend];
  assert.equal(backend.peer.ending, "open");
  assert.equal(backend.ofType("PING").length, 0, "nobody pings a session at rest");
  gateway.advance(1500);
  assert.equal(backend.peer.ending, "closed");
  assert.equal(backend.ofType("GOAWAY")[0]?.payload.readUInt32BE(4), H2Code.noError);
  assert.equal(gateway.global("pool_idle_gauge"), 0);
  assertClean(gateway);
});

test("a session is not used beyond its age, and what it has begun it finishes", () => {
  const { gateway, backends } = running({ pool: { maxAgeMs: 10_000, idleTimeoutMs: 60_000 } });
  const [old] = requesting(gateway, 1);
  gateway.advance(10_500);
  const [young] = requesting(gateway, 1);
  assert.equal(backends.length, 2);
  answerAll(backends);
  assert.deepEqual(outcomes([old, young] as RecordingSink[]), { end: 2 });
  assert.equal(session(backends, 0).peer.ending, "closed");
  assert.equal(session(backends, 1).peer.ending, "open");
  assertClean(gateway);
});

test("idle sessions are bounded, with the idle connections of other backends", () => {
  const { gateway, backends } = running({ pool: { maxIdlePerBackend: 1 } });
  const sinks = requesting(gateway, 220);
  answerAll(backends);
  assert.deepEqual(outcomes(sinks), { end: 220 });
  assert.equal(backends.filter(({ peer }) => peer.ending === "open").length, 1);
  assert.equal(gateway.global("pool_idle_gauge"), 1);
  assertClean(gateway);
});

test("a reload that drops the backend lets its sessions finish", () => {
  const { gateway, backends } = running({ services: { app: ["h2://10.0.0.1:80"] } });
  const [sink] = requesting(gateway, 1);
  gateway.reload({ services: { app: ["h2://10.0.0.2:80"] } });
  assert.equal(session(backends, 0).peer.ending, "open");
  answerAll(backends);
  assert.deepEqual(sink?.events, ["200", "end"]);
  assert.equal(session(backends, 0).peer.ending, "closed");
  assertClean(gateway);
});

test("a backend that floods a session loses it, with a counter and a log line", () => {
  const floods: readonly (readonly [string, () => Buffer, Parameters<MemoryGateway["global"]>[0]])[] = [
    ["SETTINGS", () => settingsFrame({}), "security_settings_flood_tripped_total"],
    ["PING", () => raw("PING", 0, 0, Buffer.alloc(8)), "security_ping_flood_tripped_total"],
    ["empty DATA", () => data(1, ""), "security_empty_frames_tripped_total"],
  ];
  for (const [name, frame, slot] of floods) {
    const { gateway, backends } = running();
    const lines: object[] = [];
    Object.assign(gateway.context, {
      log: { ...gateway.context.log, warn: (fields: object) => lines.push(fields) },
    });
    const sinks = requesting(gateway, 3);
    const [backend] = backends as [MemoryH2Backend];
    backend.send(headers(1, [[":status", "200"]], false));
    for (let i = 0; i < 400 && backend.peer.ending === "open"; i++)
      backend.send(...Array.from({ length: 100 }, frame));
    assert.equal(backend.peer.ending, "closed", name);
    assert.equal(backend.ofType("GOAWAY").at(-1)?.payload.readUInt32BE(4), H2Code.enhanceYourCalm, name);
    assert.deepEqual(outcomes(sinks), { upstream_malformed: 3 }, name);
    assert.equal(gateway.global(slot), 1, name);
    assert.ok(lines.length >= 1, name);
    assertClean(gateway);
  }
});

test("a session that breaks the rules while it leaves is told of, too", () => {
  const { gateway, backends } = running();
  const sinks = requesting(gateway, 3);
  const backend = session(backends, 0);
  for (let i = 0; i < 400 && backend.peer.ending === "open"; i++) backend.send(goAway(0x7fff_ffff));
  assert.equal(backend.peer.ending, "closed");
  assert.equal(backend.ofType("GOAWAY").at(-1)?.payload.readUInt32BE(4), H2Code.enhanceYourCalm);
  assert.deepEqual(outcomes(sinks), { upstream_malformed: 3 });
  assert.equal(gateway.global("security_settings_flood_tripped_total"), 1);
  assertClean(gateway);
});

test("a client over HTTP/1 sees nothing of what is behind", () => {
  const { gateway, backends } = running();
  const client = gateway.client();
  for (let i = 0; i < 3; i++) {
    client.send(get(`/${i}`));
    answerAll(backends);
  }
  assert.deepEqual(told(client), ["200 x", "200 x", "200 x"]);
  assert.equal(backends.length, 1);
  client.send(get("/slow"));
  client.fail("ECONNRESET");
  assert.equal(session(backends, 0).request(3).reset, H2Code.cancel);
  const other = gateway.client();
  other.send(get("/other"));
  answerAll(backends);
  assert.equal(answersTo(other)[0]?.status, 200);
  assertClean(gateway, other);
});

test("whatever happens to sessions, gauges return to zero and bounds hold", () => {
  const act = fc.record({
    kind: fc.constantFrom(
      "request",
      "accept",
      "fail",
      "answer",
      "refuse",
      "reset",
      "goAway",
      "end",
      "cut",
      "leave",
      "wait",
    ),
    which: fc.nat({ max: 30 }),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 100 }), (acts) => {
      const gateway = new MemoryGateway({
        services: { app: ["h2://10.0.0.1:80", "h2://10.0.0.2:80*3"] },
        pool: { maxPerBackend: 2, maxPendingPerBackend: 4, maxIdlePerBackend: 1, maxIdleTotal: 1 },
        runtime: { connectTimeoutMs: 2000 },
      });
      gateway.holdDials();
      const backends = new Map<MemoryPeer, MemoryH2Backend>();
      const clients: MemoryPeer[] = [];
      for (const { kind, which } of acts) {
        const dial = gateway.transport.dials[which % Math.max(1, gateway.transport.dials.length)];
        const backend = dial === undefined ? undefined : backends.get(dial.peer);
        const request = backend?.read().requests.at(-1 - (which % 3));
        if (kind === "request") {
          const client = gateway.client();
          clients.push(client);
          client.send(get("/"));
        } else if (kind === "leave") clients[which % Math.max(1, clients.length)]?.fail("ECONNRESET");
        else if (kind === "wait") gateway.advance(which * 50);
        else if (dial === undefined || dial.peer.ending !== "open") continue;
        else if (kind === "fail") dial.peer.fail("ECONNREFUSED");
        else if (kind === "accept" && backend === undefined) {
          const made = new MemoryH2Backend(dial.peer);
          backends.set(dial.peer, made);
          dial.peer.accept();
          made.settings({ maxStreams: 1 + (which % 4) });
        } else if (backend === undefined) continue;
        else if (kind === "end") dial.peer.end();
        else if (kind === "cut") backend.send(raw("DATA", 0, 0, Buffer.alloc(1)));
        else if (kind === "goAway") backend.send(goAway(which));
        else if (request === undefined || request.reset !== -1 || answered.has(request)) continue;
        else {
          answered.add(request);
          if (kind === "answer") backend.answer(request.stream, "x");
          else
            backend.send(rstStream(request.stream, kind === "refuse" ? H2Code.refusedStream : H2Code.cancel));
        }
        const open = gateway.transport.dials.filter(({ peer }) => peer.ending === "open");
        assert.ok(open.length <= 4);
        assert.ok(gateway.global("pool_idle_gauge") <= 1);
      }
      for (const client of clients) if (client.ending === "open" || client.ending === "fin") client.end();
      gateway.advance(70_000);
      gateway.stop();
      assert.deepEqual(gateway.gauges, {});
      assert.equal(gateway.global("h2_upstream_streams"), 0);
      assert.equal(gateway.global("h2_upstream_connections"), 0);
    }),
    { numRuns: 100 },
  );
});
