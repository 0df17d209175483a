/**
 * HTTP/3 load by the codec and the QUIC client of this tree: Debian has no program that makes it. Prints a
 * result of `H3LoadReport` as JSON. See `h3-load.ts`.
 */
import { randomBytes } from "node:crypto";
import { Clock } from "../../src/base/clock.ts";
import { parseIp } from "../../src/base/ip.ts";
import { TimerWheel } from "../../src/base/timer-wheel.ts";
import { openUdp } from "../../src/fastpath/open-udp.ts";
import type { QuicTransportSettings } from "../../src/fastpath/quic-engine.ts";
import { loadQuicEngine } from "../../src/fastpath/quiche-engine.ts";
import { QuicClientEndpoint, type QuicDial } from "../../src/proxy/quic/client-endpoint.ts";
import { READ_ARENA_BYTES, type QuicEnvironment } from "../../src/proxy/quic/quic-environment.ts";
import { QuicPump } from "../../src/proxy/quic/quic-pump.ts";
import { pause } from "../../test/support/wait-for.ts";
import { H3ConnectionLoad, type LoadTally } from "./h3-connection-load.ts";
import type { H3LoadOrder, H3LoadReport } from "./h3-load.ts";

const TURN_MS = 5;

/** After the end of the run, for requests that are under way. */
const REST_MS = 2000;

/** A run without a single answer goes on for so much longer: where all is busy, a megabyte takes its time. */
const FIRST_ANSWER_MS = 15_000;
const LOOK_MS = 20;

const TRANSPORT: QuicTransportSettings = {
  maxIdleTimeoutMs: 30_000,
  maxReceivePayloadBytes: 1350,
  maxSendPayloadBytes: 1350,
  connectionWindowBytes: 64 * 1024 * 1024,
  streamWindowBytes: 16 * 1024 * 1024,
  maxBidirectionalStreams: 0,
  maxUnidirectionalStreams: 16,
  disableActiveMigration: true,
  maxQueuedDatagrams: 0,
  congestionControl: "cubic",
};

async function main(order: H3LoadOrder): Promise<H3LoadReport> {
  const load = await loadQuicEngine();
  if (load.kind === "missing") throw new Error(load.reason);
  const clock = new Clock();
  const environment: QuicEnvironment = {
    engine: load.engine,
    clock,
    wheel: new TimerWheel(clock.nowMs),
    counters: { add: () => {} },
    pump: new QuicPump({ defer: setImmediate, afterRun: () => {} }),
    arena: Buffer.alloc(READ_ARENA_BYTES),
    worker: 0,
    resetKey: randomBytes(32),
  };
  setInterval(() => {
    clock.synchronise();
    environment.wheel.advance(clock.nowMs);
  }, TURN_MS).unref();
  const sockets = openUdp("epoll", clock);
  const endpoint = await QuicClientEndpoint.open({ environment, sockets, maxSendPayloadBytes: 1350 });
  const context = load.engine.client({
    transport: TRANSPORT,
    alpn: ["h3"],
    caPem: "",
    verifyPeer: false,
    serverName: order.target.authority,
    verifyName: "",
    keyLogPath: "",
  });
  const words = new Uint32Array(4);
  parseIp(order.host, words);
  const dial: QuicDial = {
    context,
    transport: TRANSPORT,
    remote: { words, port: order.port },
    serverName: order.target.authority,
  };
  return await run(order, (owner) => {
    const link = endpoint.connect(dial, owner);
    if (link === null) throw new Error("no connection");
    owner.attach(link, clock);
  });
}

async function run(order: H3LoadOrder, connect: (owner: H3ConnectionLoad) => void): Promise<H3LoadReport> {
  const requestsLeft = order.requests ?? Infinity;
  const tally: LoadTally = { requests: 0, errors: 0, latenciesMs: [], stopped: false, requestsLeft };
  const connections = Array.from(
    { length: order.connections },
    () => new H3ConnectionLoad(order.target, tally),
  );
  const done = new Promise<void>((resolve) => {
    for (const connection of connections) {
      connection.onRest = (): void => {
        if (connections.every(({ atRest }) => atRest)) resolve();
      };
      connect(connection);
    }
  });
  const start = performance.now();
  const deadline = timeOver(order.seconds * 1000, () => tally.requests + tally.errors > 0);
  await (requestsLeft === Infinity ? deadline : Promise.race([done, deadline]));
  const seconds = (performance.now() - start) / 1000;
  tally.stopped = true;
  await Promise.race([done, new Promise((resolve) => setTimeout(resolve, REST_MS))]);
  for (const connection of connections) connection.close();
  const { requests, errors } = tally;
  const times = tally.latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { requests, errors, seconds, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}

async function timeOver(ms: number, answered: () => boolean): Promise<void> {
  const latest = performance.now() + ms + FIRST_ANSWER_MS;
  await pause(ms);
  while (!answered() && performance.now() < latest) await pause(LOOK_MS);
}

const report = await main(JSON.parse(process.argv[2] ?? "null") as H3LoadOrder);
process.stdout.write(JSON.stringify(report), () => process.exit(0));
