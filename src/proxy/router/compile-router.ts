/**
 * The router: the routes of one listener, compiled to tables. Made once per plan and listener,
 * immutable, asked once per request by the exchange.
 *
 *   request -> exact host (one map lookup) -> radix tree of its paths   \  best rank
 *           -> routes without an exact host -> radix tree of their paths /
 *
 * Routes are ranked: higher priority first, equal priorities by name in UTF-16 code-unit order. The
 * answer is the best-ranked route whose rule holds, exactly as if all rules were tested in that
 * order. Routes with an exact host and a path or prefix cost the same whatever their number; what
 * cannot be looked up (`!`, regular expressions, methods, fields) is tested where the lookup ends.
 */
import type { RoutePlan } from "../plan.ts";
import { PredicateCompiler } from "./compile-predicate.ts";
import { describeRoutes } from "./describe-router.ts";
import { NO_RANK, type PathTree, PathTreeBuilder } from "./path-tree.ts";
import { type RankedRoute, rankRoutes } from "./rank-routes.ts";
import type { RouteInput } from "./route-input.ts";

/** Compiles the routes that serve the listener. `routes` is `Plan.routes`, `listenerIndex` an index into `Plan.listeners`. */
export function compileRouter(routes: readonly RoutePlan[], listenerIndex: number): Router {
  return new Router(rankRoutes(routes, listenerIndex));
}

export class Router {
  readonly #ranked: readonly RankedRoute[];
  /** By rank: index into `Plan.routes`. */
  readonly #routes: Int32Array;
  readonly #hosts: ReadonlyMap<string, PathTree>;
  readonly #anyHost: PathTree;

  constructor(ranked: readonly RankedRoute[]) {
    const compiler = new PredicateCompiler();
    const hosts = new Map<string, PathTreeBuilder>();
    const anyHost = new PathTreeBuilder();
    ranked.forEach((route, rank) => {
      for (const alternative of route.alternatives) {
        const builder = alternative.host === undefined ? anyHost : builderOf(hosts, alternative.host);
        builder.add(alternative.path, { rank, condition: compiler.all(alternative.rest) });
      }
    });
    this.#ranked = ranked;
    this.#routes = Int32Array.from(ranked, (route) => route.index);
    this.#hosts = new Map([...hosts].map(([host, builder]): [string, PathTree] => [host, builder.build()]));
    this.#anyHost = anyHost.build();
  }

  /** The route for a request, as index into `Plan.routes`; -1 when no rule holds. Allocates nothing but for regular expressions. */
  match(request: RouteInput): number {
    let best: number = NO_RANK;
    const paths = this.#hosts.get(request.host);
    if (paths !== undefined) best = paths.match(request, best);
    if (this.#anyHost.best < best) best = this.#anyHost.match(request, best);
    return best === NO_RANK ? -1 : (this.#routes[best] as number);
  }

  /** The tables as text, for people. */
  describe(): string {
    return describeRoutes(this.#ranked);
  }
}

function builderOf(hosts: Map<string, PathTreeBuilder>, host: string): PathTreeBuilder {
  let builder = hosts.get(host);
  if (builder === undefined) {
    builder = new PathTreeBuilder();
    hosts.set(host, builder);
  }
  return builder;
}
