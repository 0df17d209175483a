/** What routers name must exist, and their rules must be able to match. Feature row A1.10. */
import { parseRule } from "../../../proxy/router/parse-rule.ts";
import { alternativesOf } from "../../../proxy/router/rule-alternatives.ts";
import { isContradiction } from "../../../proxy/router/shadowed-routes.ts";
import type { RouterConfig } from "../gateway-config.ts";
import { isHttpListener } from "../gateway-config.ts";
import type { ConfigPath } from "../issue.ts";
import { quote } from "../quote.ts";
import type { CheckContext } from "./check-context.ts";
import { knownHint } from "./known-hint.ts";

export function checkRouters(context: CheckContext): void {
  for (const [name, router] of Object.entries(context.config.routers)) {
    const path: ConfigPath = ["routers", name];
    if (context.issues.isBad(path)) continue;
    checkReference(context, "services", router.service, [...path, "service"]);
    for (const [index, middleware] of router.middlewares.entries()) {
      checkReference(context, "middlewares", middleware, [...path, "middlewares", index]);
    }
    checkListenerNames(context, router, path);
    warnOfContradiction(context, router, path);
  }
  warnUnusedMiddlewares(context);
}

/** Reports a name that no `[block.NAME]` has. */
export function checkReference(
  context: CheckContext,
  block: "services" | "middlewares",
  name: string,
  path: ConfigPath,
): void {
  if (Object.hasOwn(context.config[block], name)) return;
  const known = Object.keys(context.config[block]);
  context.issues.error(path, `there is no ${block.slice(0, -1)} ${quote(name)}`, {
    hint: knownHint(name, known),
  });
}

function checkListenerNames(context: CheckContext, router: RouterConfig, path: ConfigPath): void {
  const { listeners } = context.config;
  for (const [index, name] of router.listeners.entries()) {
    const inner: ConfigPath = [...path, "listeners", index];
    const listener = listeners.find((candidate) => candidate.name === name);
    if (listener === undefined) {
      const known = listeners.map((candidate) => candidate.name);
      context.issues.error(inner, `there is no listener ${quote(name)}`, { hint: knownHint(name, known) });
    } else if (!isHttpListener(listener)) {
      const message = `listener "${name}" has protocol "${listener.protocol}": it has no requests to route`;
      context.issues.error(inner, message, { hint: "routers are for HTTP listeners" });
    }
  }
  const unknown = listeners.some((_, index) => context.issues.isBad(["listeners", index, "protocol"]));
  if (unknown || router.listeners.length > 0 || listeners.length === 0 || listeners.some(isHttpListener))
    return;
  context.issues.warn(path, "no HTTP listener is there for this router");
}

function warnOfContradiction(context: CheckContext, { rule }: RouterConfig, path: ConfigPath): void {
  const parsed = parseRule(rule);
  if ("error" in parsed || !isContradiction(alternativesOf(parsed.rule))) return;
  context.issues.warn([...path, "rule"], "this rule never matches: its parts exclude each other", {
    hint: "alternatives are joined by ||, or listed as in Host(`a`, `b`)",
  });
}

function warnUnusedMiddlewares(context: CheckContext): void {
  const used = new Set(Object.values(context.config.routers).flatMap((router) => router.middlewares));
  for (const name of Object.keys(context.config.middlewares)) {
    if (used.has(name)) continue;
    context.issues.warn(["middlewares", name], `middleware "${name}" is used by no router`, { at: "key" });
  }
}
