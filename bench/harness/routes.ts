/** A routing table of the size of a large installation: hosts with paths, all different. */

export interface Route {
  readonly host: string;
  /** Begins and ends with a slash. */
  readonly prefix: string;
}

const PATHS_PER_HOST = 10;

/** `count` routes, ten paths to a host, in the order of a configuration file. */
export function makeRoutes(count: number): readonly Route[] {
  return Array.from({ length: count }, (_, i) => ({
    host: `shop${Math.floor(i / PATHS_PER_HOST)}.bench.example`,
    prefix: `/section${i % PATHS_PER_HOST}/`,
  }));
}

/** The routes of each host. */
export function routesByHost(routes: readonly Route[]): ReadonlyMap<string, readonly Route[]> {
  return Map.groupBy(routes, ({ host }) => host);
}
