import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plan } from "../../proxy/plan.ts";
import { QUIC_KEYS } from "../../../test/support/plan-from-toml.ts";
import { loadCertificates } from "../certificates/load-certificates.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import { MetricsBudgetError } from "../metrics/metrics-budget-error.ts";
import { SeriesRegistry } from "../metrics/series-registry.ts";
import { buildPlan } from "./build-plan.ts";

const TOML = `
[[listeners]]
name = "web"
address = "[::1]:8080"
protocol = "h1"
alt_svc = { h3_port = 8443, max_age = 60 }
[[listeners.backends]]
address = "10.0.0.1:80"
weight = 2
[[listeners.backends]]
address = "unix:/run/app.sock"

[[listeners]]
address = "127.0.0.1:8081"
protocol = "h1"
drain_timeout_ms = 500
http = { header_timeout_ms = 1234 }

[routers.zeta]
rule = "PathPrefix(\`/z\`)"
service = "blue"
[routers.alpha]
rule = "Host(\`a.example\`)"
service = "green"
listeners = ["127.0.0.1:8081"]
priority = 7

[services.green]
strategy = "weighted_round_robin"
[[services.green.backends]]
address = "green.internal:8080"
weight = 3
[services.blue]
[[services.blue.backends]]
url = "http://10.0.0.2"

[security]
strict_te = true
[runtime]
header_underscore_policy = "allow"
`;

function read(toml: string): GatewayConfig {
  const { config, issues } = parseConfig(toml, { file: "test", env: {}, cpus: 2 });
  assert.ok(config !== undefined, JSON.stringify(issues));
  return config;
}

function build(toml: string, registry = new SeriesRegistry({ clearSlots: () => {} }), generation = 1): Plan {
  const config = read(toml);
  return buildPlan({
    config,
    generation,
    registry,
    resolved: { "green.internal": ["10.0.0.9"] },
    certificates: loadCertificates(config).store,
    ticketKeys: () => [],
    quicKeys: () => QUIC_KEYS,
    keyLogPath: "",
  });
}

/** Without slots, which the registry's own tests look at. */
function withoutSlots(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === "metrics" ? undefined : inner)));
}

test("routes are in the order of their names, then each listener's own backends", () => {
  assert.deepEqual(withoutSlots(build(TOML).routes), [
    {
      name: "alpha",
      rule: { kind: "host", host: "a.example" },
      ruleText: "Host(`a.example`)",
      upgrades: [],
      priority: 7,
      listeners: [1],
      service: 1,
    },
    {
      name: "zeta",
      rule: { kind: "pathPrefix", prefix: "/z" },
      ruleText: "PathPrefix(`/z`)",
      upgrades: [],
      priority: 16,
      listeners: [0, 1],
      service: 0,
    },
    {
      name: "web",
      rule: { kind: "all" },
      ruleText: "",
      upgrades: [],
      priority: Number.MIN_SAFE_INTEGER,
      listeners: [0],
      service: 2,
    },
  ]);
});

test("services have backends with keys that outlive a reload", () => {
  assert.deepEqual(withoutSlots(build(TOML).services), [
    {
      name: "blue",
      strategy: "round_robin",
      backends: [
        {
          key: "h1://10.0.0.2:80",
          address: "10.0.0.2:80",
          host: "10.0.0.2",
          port: 80,
          protocol: "h1",
          tls: null,
          quic: null,
          weight: 1,
        },
      ],
    },
    {
      name: "green",
      strategy: "weighted_round_robin",
      backends: [
        {
          key: "h1://green.internal:8080",
          address: "green.internal:8080",
          host: "green.internal",
          port: 8080,
          protocol: "h1",
          tls: null,
          quic: null,
          weight: 3,
        },
      ],
    },
    {
      name: "web",
      strategy: "weighted_round_robin",
      backends: [
        {
          key: "h1://10.0.0.1:80",
          address: "10.0.0.1:80",
          host: "10.0.0.1",
          port: 80,
          protocol: "h1",
          tls: null,
          quic: null,
          weight: 2,
        },
        {
          key: "h1://unix:/run/app.sock",
          address: "unix:/run/app.sock",
          host: "/run/app.sock",
          port: -1,
          protocol: "h1",
          tls: null,
          quic: null,
          weight: 1,
        },
      ],
    },
  ]);
});

test("listeners carry their timeouts, their drain budget and Alt-Svc", () => {
  const [web, other] = build(TOML).listeners;
  assert.deepEqual([web?.host, web?.port, web?.altSvc], ["::1", 8080, 'h3=":8443"; ma=60']);
  assert.deepEqual([other?.name, other?.drainTimeoutMs], ["127.0.0.1:8081", 500]);
  assert.deepEqual([web?.http.headerTimeoutMs, other?.http.headerTimeoutMs], [10_000, 1234]);
  assert.equal(other?.altSvc, "");
});

test("strict_te forces the strictest treatment of underscores", () => {
  assert.equal(build(TOML).runtime.headerUnderscorePolicy, "reject");
  assert.equal(
    build(TOML.replace("strict_te = true", "strict_te = false")).runtime.headerUnderscorePolicy,
    "allow",
  );
});

test("a router or service may have the name of a listener: the own ones stay distinct", () => {
  const plan = build(
    TOML.replaceAll("routers.zeta", "routers.web")
      .replaceAll("services.green", "services.web")
      .replace('"green"', '"web"'),
  );
  assert.deepEqual(
    plan.routes.map(({ name }) => name),
    ["alpha", "web", "listener:web"],
  );
  assert.deepEqual(
    plan.services.map(({ name }) => name),
    ["blue", "web", "listener:web"],
  );
});

test("the same configuration gives the same plan, and a series keeps its slots over reloads", () => {
  assert.deepEqual(build(TOML), build(TOML));
  const registry = new SeriesRegistry({ clearSlots: () => {} });
  const first = build(TOML, registry, 1);
  const second = build(TOML.replace("10.0.0.1:80", "10.0.0.7:80"), registry, 2);
  assert.deepEqual(second.listeners, first.listeners);
  assert.deepEqual(second.routes, first.routes);
  assert.notDeepEqual(second.services, first.services);
});

test("a configuration with too many series is refused", () => {
  const toml = TOML.concat("[observability]\nmax_label_cardinality = 100\n");
  const routers = Array.from(
    { length: 60 },
    (_, n) => `[routers.r${n}]\nrule = "Path(\`/${n}\`)"\nservice = "blue"\n`,
  );
  assert.throws(() => build(toml.concat(...routers)), MetricsBudgetError);
});
