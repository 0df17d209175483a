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

const SIZES = [10, 1000, 10_000] as const;
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
  const kinds = ROUTE_KINDS.filter(({ name }) => scenarios?.some((word) => name.includes(word)) ?? true);
  const rows = kinds.flatMap((kind) => SIZES.map((size) => measure(kind, size, smoke ? 1 : rounds)));
  const titles = ["Routes", "number", "parse ms", "compile ms", "heap KiB", "ns/match", "B/match"];
  console.log(markdown(titles, rows.map(cellsOf)).join("\n"));
  return Promise.resolve();
}

function cellsOf(row: Row): string[] {
  return [
    row.kind.name,
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

interface Asked {
  readonly view: RouteRequest;
  /** The route that it was made for; -1: none. */
  readonly route: number;
}

/** In random order, but the same in each run. */
function requestsOf(kind: RouteKind, size: number): Asked[] {
  let state = 1;
  const next = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % bound;
  };
  return Array.from({ length: REQUESTS }, () => {
    const route = next(size);
    const request = kind.request(route, size);
    const isMiss = next(MISSES) === 0;
    return isMiss
      ? { view: viewOf({ ...request, path: "/none" }), route: -1 }
      : { view: viewOf(request), route };
  });
}

function viewOf({ host, path, method = "GET", fields = [] }: BenchRequest): RouteRequest {
  const head = new RequestHead();
  head.authority = host;
  head.path = path;
  head.method = method;
  for (const [name, value] of [["User-Agent", "bench"], ["Accept", "*/*"], ...fields] as const) {
    const bytes = Buffer.from(name + value, "latin1");
    head.fields.addBytes(bytes, 0, name.length, name.length, bytes.length);
  }
  const view = new RouteRequest(head);
  view.set(head, routingHost(host), "192.0.2.1");
  return view;
}

/** What is measured is the right answer. */
function prove(router: Router, requests: readonly Asked[], routes: readonly RoutePlan[]): void {
  for (const { view, route } of requests) {
    const got = router.match(view);
    if (got === route) continue;
    throw new Error(`${view.host}${view.head.path}: ${routes[got]?.name} instead of ${routes[route]?.name}`);
  }
}

function timed(router: Router, requests: readonly Asked[], rounds: number) {
  let turns = MIN_TURNS;
  while (turns < 1e7 && elapsedMs(router, requests, turns) < ROUND_MS) turns *= 2;
  let best = Infinity;
  for (let round = 0; round < rounds; round++) best = Math.min(best, elapsedMs(router, requests, turns));
  const counted = Math.min(turns, MAX_COUNTED);
  const before = heapUsed();
  elapsedMs(router, requests, counted);
  const bytesPerMatch = Math.max(0, heapUsed() - before) / counted;
  return { nsPerMatch: (best * 1e6) / turns, bytesPerMatch };
}

function elapsedMs(router: Router, requests: readonly Asked[], turns: number): number {
  const start = cpuMs();
  let sum = 0;
  for (let turn = 0; turn < turns; turn++) sum += router.match((requests[turn % REQUESTS] as Asked).view);
  // The answers are used, so that the matches cannot be left out.
  if (Number.isNaN(sum)) throw new Error("no answers");
  return cpuMs() - start;
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
