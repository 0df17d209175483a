/** The kinds of routes that the bench of the router measures, and requests that each of them takes. */

export interface RouteKind {
  readonly name: string;
  /** A match runs regular expressions, or tests routes one by one: what it costs is not promised. */
  readonly tested: boolean;
  /** Rule of the route with this number, of so many. */
  rule(index: number, count: number): string;
  /** A request that this route takes. */
  request(index: number, count: number): BenchRequest;
}

export interface BenchRequest {
  readonly host: string;
  readonly path: string;
  readonly method?: string;
  readonly fields?: readonly (readonly [name: string, value: string])[];
}

/** Prefixes of one branch that lie inside each other. */
const DEPTH = 10;

const METHODS = ["GET", "POST", "PUT", "DELETE"] as const;

const hostAndPrefix: RouteKind = {
  name: "host and prefix",
  tested: false,
  rule: (index) => `Host(\`h${index}.example.com\`) && PathPrefix(\`/api/v${index % 7}/\`)`,
  request: (index) => ({ host: `h${index}.example.com`, path: `/api/v${index % 7}/users/17?page=2` }),
};

const oneHost: RouteKind = {
  name: "one host, many prefixes",
  tested: false,
  rule: (index) => `Host(\`api.example.com\`) && PathPrefix(\`/service-${index}/\`)`,
  request: (index) => ({ host: "api.example.com", path: `/service-${index}/users/17` }),
};

const anyHost: RouteKind = {
  name: "prefix, any host",
  tested: false,
  rule: (index) => `PathPrefix(\`/service-${index}/\`)`,
  request: (index) => ({ host: "api.example.com", path: `/service-${index}/users/17` }),
};

const nested: RouteKind = {
  name: "prefixes inside each other",
  tested: false,
  rule: (index) =>
    `Host(\`h${Math.floor(index / DEPTH)}.example.com\`) && PathPrefix(\`${nestedPath(index)}\`)`,
  request: (index) => ({ host: `h${Math.floor(index / DEPTH)}.example.com`, path: `${nestedPath(index)}17` }),
};

function nestedPath(index: number): string {
  return `/tree/${"level/".repeat(index % DEPTH)}`;
}

const wildcards: RouteKind = {
  name: "wildcard host and prefix",
  tested: false,
  rule: (index) => `HostRegexp(\`[^.]+\\.t${index}\\.example\\.com\`) && PathPrefix(\`/api/\`)`,
  request: (index) => ({ host: `www.t${index}.example.com`, path: "/api/users/17" }),
};

const exactAndWildcards: RouteKind = {
  name: "exact and wildcard hosts",
  tested: false,
  rule: (index, count) => (index % 2 === 0 ? hostAndPrefix : wildcards).rule(index, count),
  request: (index, count) => (index % 2 === 0 ? hostAndPrefix : wildcards).request(index, count),
};

const methods: RouteKind = {
  name: "host, prefix and method",
  tested: false,
  rule: (index) =>
    `Host(\`h${index >> 2}.example.com\`) && PathPrefix(\`/api/\`) && Method(\`${METHODS[index & 3]}\`)`,
  request: (index) => ({
    host: `h${index >> 2}.example.com`,
    path: "/api/users/17",
    method: METHODS[index & 3] as string,
  }),
};

const headers: RouteKind = {
  name: "host, prefix and one of four header values",
  tested: false,
  rule: (index) =>
    `Host(\`h${index >> 2}.example.com\`) && PathPrefix(\`/api/\`) && Header(\`X-Version\`, \`${index & 3}\`)`,
  request: (index) => ({
    host: `h${index >> 2}.example.com`,
    path: "/api/users/17",
    fields: [["X-Version", String(index & 3)]],
  }),
};

const tenants: RouteKind = {
  name: "one host, many header values",
  tested: true,
  rule: (index) =>
    `Host(\`api.example.com\`) && PathPrefix(\`/api/\`) && Header(\`X-Tenant\`, \`tenant-${index}\`)`,
  request: (index) => ({
    host: "api.example.com",
    path: "/api/users/17",
    fields: [["X-Tenant", `tenant-${index}`]],
  }),
};

const expressions: RouteKind = {
  name: "anchored path expressions",
  tested: true,
  rule: (index) => `Host(\`api.example.com\`) && PathRegexp(\`^/items-${index}/[0-9]+$\`)`,
  request: (index) => ({ host: "api.example.com", path: `/items-${index}/17` }),
};

/** One route in ten of them tests one by one; what all requests share pays for them. */
const mixed: RouteKind = {
  name: "a mix of all, most with host and prefix",
  tested: true,
  rule: (index, count) => mixedKind(index).rule(index, count),
  request: (index, count) => mixedKind(index).request(index, count),
};

function mixedKind(index: number): RouteKind {
  const others = [wildcards, methods, headers, expressions];
  return index % 10 < 6 ? hostAndPrefix : (others[(index % 10) - 6] as RouteKind);
}

export const ROUTE_KINDS: readonly RouteKind[] = [
  hostAndPrefix,
  oneHost,
  anyHost,
  nested,
  wildcards,
  exactAndWildcards,
  methods,
  headers,
  tenants,
  expressions,
  mixed,
];
