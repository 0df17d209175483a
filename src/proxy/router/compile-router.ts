/**
 * The router: the routes of one listener, compiled to tables. Made once per plan and listener,
 * immutable, asked once per request by the exchange.
 *
 *   request -> exact host (one map lookup) --------> radix tree of its paths    \
 *           -> each end of the host (hash table) --> radix tree of their paths   > best rank
 *           -> routes for any host ----------------> radix tree of their paths  /
 *
 * Routes are ranked: higher priority first, equal priorities by name in UTF-16 code-unit order. The
 * answer is the best-ranked route whose rule holds, exactly as if all rules were tested in that
 * order. Routes with a host or the end of one and a path or prefix cost the same whatever their number;
 * regular expressions count with the plain text that they end (hosts) or begin (paths) with. What
 * cannot be looked up (`!`, the rest of expressions, methods, fields) is tested where the lookup ends.
 */
import type { RoutePlan } from "../plan.ts";
import { PredicateCompiler } from "./compile-predicate.ts";
import { describeRoutes } from "./describe-router.ts";
import { HostEndings } from "./host-endings.ts";
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
  readonly #endings: HostEndings;
  readonly #anyHost: PathTree;

  constructor(ranked: readonly RankedRoute[]) {
    const compiler = new PredicateCompiler();
    const hosts = new Map<string, PathTreeBuilder>();
    const endings = new Map<string, PathTreeBuilder>();
    const anyHost = new PathTreeBuilder();
    ranked.forEach((route, rank) => {
      for (const { host, path, rest } of route.alternatives) {
        const builder = host === undefined ? anyHost : builderOf(host.exact ? hosts : endings, host.text);
        builder.add(path, { rank, condition: compiler.all(rest) });
      }
    });
    compiler.finish();
    this.#ranked = ranked;
    this.#routes = Int32Array.from(ranked, (route) => route.index);
    this.#hosts = built(hosts);
    this.#endings = new HostEndings(built(endings));
    this.#anyHost = anyHost.build();
  }

  /** The route for a request, as index into `Plan.routes`; -1 when no rule holds. Allocates nothing but for regular expressions. */
  match(request: RouteInput): number {
    let best: number = NO_RANK;
    const paths = this.#hosts.get(request.host);
    if (paths !== undefined) best = paths.match(request, best);
    if (this.#endings.best < best) best = this.#endings.match(request, best);
    if (this.#anyHost.best < best) best = this.#anyHost.match(request, best);
    return best === NO_RANK ? -1 : (this.#routes[best] as number);
  }

  /** The tables as text, for people. */
  describe(): string {
    return describeRoutes(this.#ranked);
  }
}

function builderOf(builders: Map<string, PathTreeBuilder>, key: string): PathTreeBuilder {
  let builder = builders.get(key);
  if (builder === undefined) {
    builder = new PathTreeBuilder();
    builders.set(key, builder);
  }
  return builder;
}

function built(builders: ReadonlyMap<string, PathTreeBuilder>): ReadonlyMap<string, PathTree> {
  return new Map([...builders].map(([key, builder]): [string, PathTree] => [key, builder.build()]));
}
