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
import { NO_RANK, type PathForest } from "./path-forest.ts";
import { PathForestBuilder, PathTreeDraft } from "./path-forest-builder.ts";
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
  readonly #forest: PathForest;
  /** Roots of trees, by host. */
  readonly #hosts: ReadonlyMap<string, number>;
  readonly #endings: HostEndings;
  /** Root and best rank of the tree for any host. */
  readonly #anyHost: number;
  readonly #anyHostBest: number;

  constructor(ranked: readonly RankedRoute[]) {
    const { hosts, endings, anyHost } = draftsOf(ranked);
    const forest = new PathForestBuilder();
    const endingTrees = [...endings].map(([ending, draft]) => ({
      ending,
      root: forest.add(draft),
      best: draft.best,
    }));
    this.#ranked = ranked;
    this.#routes = Int32Array.from(ranked, (route) => route.index);
    this.#hosts = new Map([...hosts].map(([host, draft]): [string, number] => [host, forest.add(draft)]));
    this.#anyHost = forest.add(anyHost);
    this.#anyHostBest = anyHost.best;
    this.#forest = forest.build();
    this.#endings = new HostEndings(this.#forest, endingTrees);
  }

  /** The route for a request, as index into `Plan.routes`; -1 when no rule holds. Allocates nothing but for regular expressions. */
  match(request: RouteInput): number {
    let best: number = NO_RANK;
    const root = this.#hosts.get(request.host);
    if (root !== undefined) best = this.#forest.match(root, request, best);
    if (this.#endings.best < best) best = this.#endings.match(request, best);
    if (this.#anyHostBest < best) best = this.#forest.match(this.#anyHost, request, best);
    return best === NO_RANK ? -1 : (this.#routes[best] as number);
  }

  /** The tables as text, for people. */
  describe(): string {
    return describeRoutes(this.#ranked);
  }
}

/** The trees of paths for hosts, for ends of hosts, and for all hosts. */
function draftsOf(ranked: readonly RankedRoute[]) {
  const compiler = new PredicateCompiler();
  const hosts = new Map<string, PathTreeDraft>();
  const endings = new Map<string, PathTreeDraft>();
  const anyHost = new PathTreeDraft();
  ranked.forEach((route, rank) => {
    for (const { host, path, rest } of route.alternatives) {
      const draft = host === undefined ? anyHost : draftOf(host.exact ? hosts : endings, host.text);
      draft.add(path, { rank, condition: compiler.all(rest) });
    }
  });
  compiler.finish();
  return { hosts, endings, anyHost };
}

function draftOf(drafts: Map<string, PathTreeDraft>, key: string): PathTreeDraft {
  let draft = drafts.get(key);
  if (draft === undefined) {
    draft = new PathTreeDraft();
    drafts.set(key, draft);
  }
  return draft;
}
