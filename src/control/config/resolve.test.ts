/** The defaults that follow from other keys, and the shape of what comes out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayConfig } from "./gateway-config.ts";
import { parseConfig } from "./parse-config.ts";

function read(text: string): GatewayConfig {
  const { config, issues } = parseConfig(text, { file: "test.toml", env: {}, cpus: 6 });
  assert.ok(config, issues.map((issue) => issue.message).join("; "));
  return config;
}

const LISTENER = '[[listeners]]\naddress = "127.0.0.1:8080"\nprotocol = "h1"\n';
const BACKEND = '[[listeners.backends]]\naddress = "[::1]:3000"\n';

test("a listener without a name is named by its address", () => {
  const [listener] = read(LISTENER + BACKEND).listeners;
  assert.equal(listener?.name, "127.0.0.1:8080");
  assert.equal(listener.host, "127.0.0.1");
  assert.equal(listener.port, 8080);
});

test("a backend has host, port and protocol, whichever way it is written", () => {
  const text = `${LISTENER}${BACKEND}
[[listeners.backends]]
url = "http://10.0.0.5"
[[listeners.backends]]
address = "unix:/run/app.sock"
weight = 4
[[listeners.backends]]
address = "10.0.0.6:80"
protocol = "tcp"
`;
  const backends = read(text).listeners[0]?.backends ?? [];
  assert.deepEqual(
    backends.map(({ address, host, port, protocol, tls, weight }) => [
      address,
      host,
      port,
      protocol,
      tls,
      weight,
    ]),
    [
      ["[::1]:3000", "::1", 3000, "h1", false, 1],
      ["10.0.0.5:80", "10.0.0.5", 80, "h1", false, 1],
      ["unix:/run/app.sock", "/run/app.sock", -1, "h1", false, 4],
      ["10.0.0.6:80", "10.0.0.6", 80, "h1", false, 1],
    ],
  );
});

test("the number of workers is the number of CPUs, and zero stays zero", () => {
  assert.equal(read(LISTENER + BACKEND).runtime.workers, 6);
  assert.equal(read(`${LISTENER}${BACKEND}[runtime]\nworkers = 0\n`).runtime.workers, 0);
});

test("the drain jitter is a quarter of the budget, and a listener's never exceeds its own budget", () => {
  const config = read(`${LISTENER}drain_timeout_ms = 1000\n${BACKEND}[runtime]\ndrain_timeout_ms = 20000\n`);
  assert.equal(config.runtime.drain_jitter_ms, 5000);
  assert.equal(config.listeners[0]?.drain_timeout_ms, 1000);
  assert.equal(config.listeners[0].drain_jitter_ms, 1000);
  assert.equal(read(LISTENER + BACKEND).listeners[0]?.drain_jitter_ms, 2500);
});

test("a router's priority is the length of its rule unless it is given", () => {
  const router = "[routers.a]\nrule = 'PathPrefix(`/api`)'\nservice = \"s\"\n";
  const service = '[[services.s.backends]]\naddress = "10.0.0.1:80"\n';
  assert.equal(read(LISTENER + router + service).routers["a"]?.priority, "PathPrefix(`/api`)".length);
  assert.equal(read(`${LISTENER}${router}priority = 0\n${service}`).routers["a"]?.priority, 0);
});

test("every default of the schema is filled in, and nothing can be changed", () => {
  const config = read(LISTENER + BACKEND);
  assert.equal(config.listeners[0]?.http.max_request_body_bytes, 67_108_864);
  assert.equal(config.pool.max_per_backend, 1024);
  assert.equal(config.observability.metrics_bind, undefined);
  assert.equal(config.observability.access_log.sample, 1);
  assert.deepEqual(config.security.trusted_proxies, []);
  assert.throws(() => Object.assign(config.listeners[0]?.http ?? {}, { max_headers: 1 }), TypeError);
  assert.throws(() => (config.security.trusted_proxies as string[]).push("0.0.0.0/0"), TypeError);
});

test("spans are held in the unit of their key", () => {
  const text = `${LISTENER}[listeners.http]
total_timeout_ms = "1m"
head_timeout_ms = 250
[listeners.alt_svc]
h3_port = 443
max_age = "2h"
${BACKEND}`;
  const [listener] = read(text).listeners;
  assert.equal(listener?.http.total_timeout_ms, 60_000);
  assert.equal(listener.http.head_timeout_ms, 250);
  assert.equal(listener.alt_svc?.max_age, 7200);
});

test("records have no prototype, so that no name meets an inherited property", () => {
  const { services } = read(LISTENER + BACKEND);
  assert.equal(services["toString"], undefined);
  assert.equal(services["__proto__"], undefined);
});
