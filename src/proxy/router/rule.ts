/** The rule of a route as a tree of plain data; `parse-rule.ts` makes it, `compile-router.ts` runs it. */
export type RuleNode =
  | { readonly kind: "all" }
  | { readonly kind: "and"; readonly nodes: readonly RuleNode[] }
  | { readonly kind: "or"; readonly nodes: readonly RuleNode[] }
  | { readonly kind: "not"; readonly node: RuleNode }
  /** Exact host, lower case, without port. */
  | { readonly kind: "host"; readonly host: string }
  | { readonly kind: "hostRegexp"; readonly pattern: string }
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "pathPrefix"; readonly prefix: string }
  | { readonly kind: "pathRegexp"; readonly pattern: string }
  | { readonly kind: "method"; readonly method: string }
  /** Name in lower case; the value is compared exactly. */
  | { readonly kind: "header"; readonly name: string; readonly value: string }
  | { readonly kind: "headerRegexp"; readonly name: string; readonly pattern: string }
  /** `value` undefined: the key is present with any value. */
  | { readonly kind: "query"; readonly key: string; readonly value?: string }
  | { readonly kind: "queryRegexp"; readonly key: string; readonly pattern: string }
  | { readonly kind: "clientIp"; readonly cidrs: readonly string[] };
