/**
 * Explains one request: the listener, the route, its service and backends, or what answers instead, and why
 * routes that are preferred did not take it. Called by the command `explain`; the answers come from the
 * data plane's own code, on the plan that would be served.
 */
import { assert } from "../../base/assert.ts";
import { servesRequests } from "../../proxy/listener/serves-requests.ts";
import type { BackendPlan, ListenerPlan, Plan, RoutePlan } from "../../proxy/plan.ts";
import { PredicateCompiler } from "../../proxy/router/compile-predicate.ts";
import { type RankedRoute, rankRoutes } from "../../proxy/router/rank-routes.ts";
import type { RouteRequest } from "../../proxy/router/route-input.ts";
import { ruleFailure } from "../../proxy/router/rule-failure.ts";
import type {
  AskedRequest,
  BackendView,
  Explanation,
  ListenerView,
  Outcome,
  PassedRoute,
  RouteName,
  RouteView,
  Some,
} from "./explanation.ts";
import { findListener } from "./find-listener.ts";
import { type Played, playRequest } from "./play-request.ts";

/** Routes of each kind that are shown when not all are asked for. */
const MAX_SHOWN = 10;

/** `showAll`: every route that was passed by. A mistake in the question is a text. */
export function explainRequest(plan: Plan, asked: AskedRequest, showAll: boolean): Explanation | string {
  const found = findListener(plan, asked);
  switch (found.kind) {
    case "mistake":
      return found.message;
    case "none":
      return notPlayed(asked, { kind: "unreachable", reason: found.reason });
    case "found":
      return onListener(plan, found.index, asked, { also: found.also, showAll });
  }
}

const NONE = { total: 0, shown: [] };

function notPlayed(asked: AskedRequest, outcome: Outcome): Explanation {
  const { method, target, host, peer } = asked;
  const request = { method, target, http: null, host, client: peer };
  return { request, listener: null, alsoListening: [], outcome, passedBy: NONE, alsoMatch: NONE };
}

interface Wanted {
  readonly also: readonly string[];
  readonly showAll: boolean;
}

function onListener(plan: Plan, index: number, asked: AskedRequest, { also, showAll }: Wanted): Explanation {
  const listener = plan.listeners[index] as ListenerPlan;
  const shared = { listener: listenerView(listener), alsoListening: also };
  const ranked = rankRoutes(plan.routes, index);
  if (!servesRequests(listener)) {
    const route = ranked.find(({ plan: { rule } }) => rule.kind === "all")?.plan;
    const outcome = { kind: "relay", route: route === undefined ? null : routeView(plan, route) } as const;
    return { ...notPlayed(asked, outcome), ...shared };
  }
  const played = playRequest(plan, index, asked);
  const request = {
    method: asked.method,
    target: asked.target,
    http: played.http,
    host: played.host,
    client: played.client,
  };
  const compared = played.routed === null ? [] : compare(ranked, played.routed);
  const { passedBy, alsoMatch } = sorted(compared, played.route, showAll ? Infinity : MAX_SHOWN);
  return { request, ...shared, outcome: outcomeOf(plan, played), passedBy, alsoMatch };
}

function listenerView({ name, address, protocol }: ListenerPlan): ListenerView {
  return { name, address, protocol };
}

function outcomeOf(plan: Plan, { fault, route, upgrade, grpcStatus }: Played): Outcome {
  const view = route === null ? null : routeView(plan, route);
  if (fault !== null) {
    const { code, detail, status, row } = fault;
    return { kind: "refused", code, detail, status, grpcStatus, text: row.text, route: view };
  }
  return view === null ? { kind: "health" } : { kind: "route", route: view, upgrade };
}

type Compared = RouteName | PassedRoute;

/** Every route of the listener, in the order in which they are preferred, with why it does not match. */
function compare(ranked: readonly RankedRoute[], request: RouteRequest): readonly Compared[] {
  const compiler = new PredicateCompiler();
  return ranked.map(({ plan }) => {
    const failure = ruleFailure(plan.rule, request, compiler);
    return failure === undefined ? routeName(plan) : { ...routeName(plan), failure };
  });
}

function sorted(compared: readonly Compared[], taken: RoutePlan | null, maxShown: number) {
  const first = compared.findIndex((each) => !("failure" in each));
  assert((compared[first]?.name ?? null) === (taken?.name ?? null), "the rules agree with the router");
  const before = first === -1 ? compared : compared.slice(0, first);
  const passed = before.filter((each): each is PassedRoute => "failure" in each);
  const later = first === -1 ? [] : compared.slice(first + 1).filter((each) => !("failure" in each));
  return {
    passedBy: { total: passed.length, shown: nearest(passed, first !== -1, maxShown) },
    alsoMatch: { total: later.length, shown: later.slice(0, maxShown) } satisfies Some<RouteName>,
  };
}

/** Of those for the same host first: the nearest before the route that was taken, else the most preferred ones. */
function nearest(passed: readonly PassedRoute[], isTaken: boolean, count: number): readonly PassedRoute[] {
  const ofHost = passed.filter(({ failure }) => !HOST_PARTS.has(failure.about));
  const others = passed.filter(({ failure }) => HOST_PARTS.has(failure.about));
  const chosen = new Set([
    ...someOf(ofHost, isTaken, count),
    ...someOf(others, isTaken, count - ofHost.length),
  ]);
  return passed.filter((each) => chosen.has(each));
}

const HOST_PARTS: ReadonlySet<string> = new Set(["host", "hostRegexp"]);

function someOf(routes: readonly PassedRoute[], fromEnd: boolean, count: number): readonly PassedRoute[] {
  if (count <= 0) return [];
  return fromEnd ? routes.slice(-count) : routes.slice(0, count);
}

function routeName({ name, priority, rule, ruleText }: RoutePlan): RouteName {
  return { name, priority: rule.kind === "all" ? null : priority, rule: ruleText };
}

function routeView(plan: Plan, route: RoutePlan): RouteView {
  const service = plan.services[route.service];
  assert(service !== undefined, "a route has a service");
  const { name, strategy, backends } = service;
  const isCatchAll = route.rule.kind === "all";
  return {
    ...routeName(route),
    isCatchAll,
    service: { name, strategy, backends: backends.map(backendView) },
  };
}

function backendView({ address, protocol, weight, tls }: BackendPlan): BackendView {
  if (tls === null) return { address, protocol, weight, tls: "none" };
  return { address, protocol, weight, tls: tls.verifyPeer ? "verified" : "not verified" };
}
