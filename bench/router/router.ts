/**
 * `npm run bench -- router`: what choosing the route of a request costs, at 10, 1,000 and 10,000 routes of
 * several kinds, without sockets. Each kind is compiled as a worker compiles it, then asked for requests in
 * random order; one in ten of them matches nothing.
 *
 * Prints, for each kind and size, what parsing the rules and compiling the router takes, the heap that the
 * router holds, and the nanoseconds of a match: the best of the rounds, as the machine's slow phases are
 * longer than a round; with them the bytes that a match allocates.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { RoutePlan } from "../../src/proxy/plan.ts";
import { compileRouter, type Router } from "../../src/proxy/router/compile-router.ts";
import { parseRule } from "../../src/proxy/router/parse-rule.ts";
import { RouteRequest } from "../../src/proxy/router/route-input.ts";
import { routingHost } from "../../src/proxy/router/routing-host.ts";
import { RequestHead } from "../../src/wire/http/message.ts";
import { markdown } from "../harness/table.ts";
import type { BenchOptions } from "../options.ts";
import { type BenchRequest, ROUTE_KINDS, type RouteKind } from "./kinds.ts";

const SIZES: readonly number[] = [10, 1000, 10_000];
/** Enough to prove that it runs. */
const SMOKE_SIZES: readonly number[] = [10, 1000];
/** Requests that are asked for over and over: more than a processor's nearest cache holds the answers of. */
const REQUESTS = 4096;
/** Of the requests, the share that matches nothing. */
const MISSES = 10;
const ROUND_MS = 20;
/** Kinds whose routes are tested one by one take so long that they get fewer turns. */
const MIN_TURNS = 100;
/** Turns whose allocations are counted: few enough that no collection comes in between. */
const MAX_COUNTED = 4000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

interface Row {
  readonly kind: RouteKind;
  readonly size: number;
  readonly parseMs: number;
  readonly compileMs: number;
  readonly heapKib: number;
  readonly nsPerMatch: number;
  readonly bytesPerMatch: number;
}

export function benchRouter({ rounds, smoke, scenarios }: BenchOptions): Promise<void> {
  const words = scenarios?.includes("all") === true ? [""] : (scenarios ?? [""]);
  const kinds = ROUTE_KINDS.filter(({ name }) => words.some((word) => name.includes(word)));
  const rows = kinds.flatMap((kind) =>
    (smoke ? SMOKE_SIZES : SIZES).map((size) => measure(kind, size, smoke ? 1 : rounds)),
  );
  const titles = ["Routes", "number", "parse ms", "compile ms", "heap KiB", "ns/match", "B/match"];
  console.log(markdown(titles, rows.map(cellsOf)).join("\n"));
  console.log("\n* routes are tested one by one, or expressions run, where the lookup ends");
  return Promise.resolve();
}

function cellsOf(row: Row): string[] {
  return [
    row.kind.tested ? `${row.kind.name} *` : row.kind.name,
    String(row.size),
    row.parseMs.toFixed(1),
    row.compileMs.toFixed(1),
    row.heapKib.toFixed(0),
    row.nsPerMatch.toFixed(0),
    row.bytesPerMatch.toFixed(1),
  ];
}

function measure(kind: RouteKind, size: number, rounds: number): Row {
  const parseStart = cpuMs();
  const routes = Array.from({ length: size }, (_, index) => routeOf(kind.rule(index, size), index));
  const parseMs = cpuMs() - parseStart;
  const heapBefore = heapBytes();
  const compileStart = cpuMs();
  const router = compileRouter(routes, 0);
  const compileMs = cpuMs() - compileStart;
  const heapKib = (heapBytes() - heapBefore) / 1024;
  const requests = requestsOf(kind, size);
  prove(router, requests, routes);
  return { kind, size, parseMs, compileMs, heapKib, ...timed(router, requests, rounds) };
}

function routeOf(text: string, index: number): RoutePlan {
  const parsed = parseRule(text);
  if ("error" in parsed) throw new Error(`${text}: ${parsed.error}`);
  const name = `r${String(index).padStart(5, "0")}`;
  const rest = { ruleText: text, upgrades: [], listeners: [0], service: 0, metrics: [] };
  return { name, rule: parsed.rule, priority: text.length, ...rest };
}

/** Requests one behind the other in one store, so that what a match fetches from memory is the router's. */
interface Requests {
  readonly hosts: readonly string[];
  readonly bytes: Buffer;
  /** Start, end of the path and end of the target of each. */
  readonly targets: Int32Array;
  /** One for all that have the same method and fields. */
  readonly heads: readonly RequestHead[];
  /** The routes that they were made for; -1: none. */
  readonly routes: Int32Array;
}

/** In random order, but the same in each run. */
function requestsOf(kind: RouteKind, size: number): Requests {
  let state = 1;
  const next = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % bound;
  };
  const routes = Int32Array.from({ length: REQUESTS }, () => next(size));
  const requests = Array.from(routes, (route) => kind.request(route, size));
  for (let i = 0; i < REQUESTS; i++) {
    if (next(MISSES) !== 0) continue;
    routes[i] = -1;
    requests[i] = { ...(requests[i] as BenchRequest), path: "/none" };
  }
  const hosts = requests.map(({ host }) => routingHost(host));
  return { hosts, heads: headsOf(requests), routes, ...targetsOf(requests) };
}

function targetsOf(requests: readonly BenchRequest[]): Pick<Requests, "bytes" | "targets"> {
  const targets = new Int32Array(requests.length * 3);
  let end = 0;
  requests.forEach(({ path }, index) => {
    const query = path.indexOf("?");
    targets.set([end, end + (query === -1 ? path.length : query), end + path.length], index * 3);
    end += path.length;
  });
  return { bytes: Buffer.from(requests.map(({ path }) => path).join(""), "latin1"), targets };
}

function headsOf(requests: readonly BenchRequest[]): readonly RequestHead[] {
  const known = new Map<string, RequestHead>();
  return requests.map(({ method = "GET", fields = [] }) => {
    const key = JSON.stringify([method, fields]);
    const head = known.get(key) ?? headOf(method, fields);
    known.set(key, head);
    return head;
  });
}

function headOf(method: string, fields: NonNullable<BenchRequest["fields"]>): RequestHead {
  const head = new RequestHead();
  head.method = method;
  for (const [name, value] of [["User-Agent", "bench"], ["Accept", "*/*"], ...fields] as const) {
    const bytes = Buffer.from(name + value, "latin1");
    head.fields.addBytes(bytes, 0, name.length, name.length, bytes.length);
  }
  return head;
}

function show(view: RouteRequest, { hosts, heads, targets }: Requests, index: number): void {
  view.host = hosts[index] as string;
  view.head = heads[index] as RequestHead;
  view.targetStart = targets[index * 3] as number;
  view.pathEnd = targets[index * 3 + 1] as number;
  view.targetEnd = targets[index * 3 + 2] as number;
}

function viewOf({ heads, bytes }: Requests): RouteRequest {
  const view = new RouteRequest(heads[0] as RequestHead);
  view.bytes = bytes;
  view.clientIp = "192.0.2.1";
  return view;
}

/** What is measured is the right answer. */
function prove(router: Router, requests: Requests, routes: readonly RoutePlan[]): void {
  const view = viewOf(requests);
  for (let i = 0; i < REQUESTS; i++) {
    show(view, requests, i);
    const got = router.match(view);
    const wanted = requests.routes[i] as number;
    if (got === wanted) continue;
    throw new Error(`${view.host}: ${routes[got]?.name} instead of ${routes[wanted]?.name}`);
  }
}

function timed(router: Router, requests: Requests, rounds: number) {
  let turns = MIN_TURNS;
  while (turns < 1e7 && elapsedMs(router, requests, turns) < ROUND_MS) turns *= 2;
  let best = Infinity;
  for (let round = 0; round < rounds; round++) best = Math.min(best, elapsedMs(router, requests, turns));
  const counted = Math.min(turns, MAX_COUNTED);
  const allocated = Array.from({ length: 3 }, () => {
    const before = heapUsed();
    elapsedMs(router, requests, counted);
    return Math.max(0, heapUsed() - before);
  });
  const bytesPerMatch = Math.min(...allocated) / counted;
  return { nsPerMatch: (best * 1e6) / turns, bytesPerMatch };
}

function elapsedMs(router: Router, requests: Requests, turns: number): number {
  const view = viewOf(requests);
  let sum = 0;
  const start = cpuMs();
  for (let turn = 0; turn < turns; turn++) {
    show(view, requests, turn % REQUESTS);
    sum += router.match(view);
  }
  const elapsed = cpuMs() - start;
  // The answers are used, so that the matches cannot be left out.
  if (Number.isNaN(sum)) throw new Error("no answers");
  return elapsed;
}

/** CPU time of this thread: what else the machine does is not in it. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function heapUsed(): number {
  return getHeapStatistics().used_heap_size;
}

function heapBytes(): number {
  for (let i = 0; i < 3; i++) collectGarbage();
  const { heapUsed: used, arrayBuffers } = process.memoryUsage();
  return used + arrayBuffers;
}
