/** Services: what they need, what they name, what they add up to. Feature rows A1.10, A14.1, A14.6, A14.7. */
import type { ServiceConfig } from "../gateway-config.ts";
import type { ConfigPath } from "../issue.ts";
import { quote } from "../quote.ts";
import type { CheckContext } from "./check-context.ts";
import { checkReference } from "./check-routers.ts";
import { knownHint } from "./known-hint.ts";

export function checkServices(context: CheckContext): void {
  for (const [name, service] of Object.entries(context.config.services)) {
    const path: ConfigPath = ["services", name];
    if (context.issues.isBad(path)) continue;
    checkHasBackends(context, service, path);
    checkRelated(context, name, service, path);
    checkRevisions(context, service, path);
    checkRollout(context, service, path);
    checkScaling(context, service, path);
  }
  warnUnused(context);
}

function checkHasBackends(context: CheckContext, service: ServiceConfig, path: ConfigPath): void {
  if (service.backends.length > 0 || service.revisions.length > 0) return;
  if (context.issues.isBad([...path, "backends"]) || context.issues.isBad([...path, "revisions"])) return;
  const hint = `add [[services.${String(path[1])}.backends]]`;
  context.issues.error(path, `service "${String(path[1])}" has no backends`, { at: "key", hint });
}

function checkRelated(context: CheckContext, name: string, service: ServiceConfig, path: ConfigPath): void {
  for (const key of ["failover", "mirror"] as const) {
    const target = service[key]?.service;
    if (target === undefined) continue;
    const inner: ConfigPath = [...path, key, "service"];
    if (target === name) context.issues.error(inner, `the ${key} of service "${name}" is the service itself`);
    else checkReference(context, "services", target, inner);
  }
}

function checkRevisions(context: CheckContext, service: ServiceConfig, path: ConfigPath): void {
  const { revisions } = service;
  if (revisions.length === 0) return;
  const seen = new Set<string>();
  for (const [index, revision] of revisions.entries()) {
    const inner: ConfigPath = [...path, "revisions", index, "name"];
    if (revision.name !== "" && seen.has(revision.name)) {
      context.issues.error(inner, `there are two revisions "${revision.name}"`);
    }
    seen.add(revision.name);
    if (context.issues.isBad([...path, "revisions", index, "traffic_percent"])) return;
  }
  const sum = revisions.reduce((total, revision) => total + revision.traffic_percent, 0);
  if (sum === 100) return;
  const message = `traffic_percent of all revisions must be 100 together, and is ${sum}`;
  context.issues.error([...path, "revisions"], message, { at: "key" });
}

function checkRollout(context: CheckContext, service: ServiceConfig, path: ConfigPath): void {
  const { rollout, revisions } = service;
  if (rollout === undefined) return;
  const known = revisions.map((revision) => revision.name);
  for (const key of ["from", "to"] as const) {
    const inner: ConfigPath = [...path, "rollout", key];
    if (known.includes(rollout[key])) continue;
    context.issues.error(inner, `there is no revision ${quote(rollout[key])}`, {
      hint: knownHint(rollout[key], known),
    });
  }
  if (rollout.from === rollout.to && known.includes(rollout.to)) {
    context.issues.error([...path, "rollout", "to"], '"from" and "to" are the same revision');
  }
}

function checkScaling(context: CheckContext, service: ServiceConfig, path: ConfigPath): void {
  const { scaling } = service;
  if (scaling === undefined) return;
  if (scaling.min_replicas > scaling.max_replicas) {
    const message = `min_replicas is ${scaling.min_replicas}, more than max_replicas, which is ${scaling.max_replicas}`;
    context.issues.error([...path, "scaling", "min_replicas"], message);
  }
  if (scaling.buffer_enabled && scaling.container_concurrency === 0) {
    const hint = "without it an instance is never full, and no request would wait";
    context.issues.error(
      [...path, "scaling", "buffer_enabled"],
      "buffer_enabled needs container_concurrency",
      { hint },
    );
  }
}

function warnUnused(context: CheckContext): void {
  const { routers, services } = context.config;
  const used = new Set(Object.values(routers).map((router) => router.service));
  for (const service of Object.values(services)) {
    for (const target of [service.failover?.service, service.mirror?.service]) {
      if (target !== undefined) used.add(target);
    }
  }
  for (const name of Object.keys(services)) {
    if (used.has(name)) continue;
    context.issues.warn(["services", name], `service "${name}" is used by no router`, { at: "key" });
  }
}
