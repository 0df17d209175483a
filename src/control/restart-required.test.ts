import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayConfig } from "./config/gateway-config.ts";
import { parseConfig } from "./config/parse-config.ts";
import { keepRestartRequired } from "./restart-required.ts";

const MAX_WORKERS = 8;

/** A machine on which `auto` takes epoll. */
const RUNNING = {
  maxWorkers: MAX_WORKERS,
  runs: (setting: string) => setting === "auto" || setting === "epoll",
};

function read(runtime: string): GatewayConfig {
  const listener =
    '[[listeners]]\naddress = "127.0.0.1:80"\nprotocol = "h1"\nbackends = [{ address = "10.0.0.1:80" }]\n';
  const { config, issues } = parseConfig(`${listener}[runtime]\n${runtime}\n`, {
    file: "test",
    env: {},
    cpus: 2,
    probe: () => "",
  });
  assert.ok(config !== undefined, JSON.stringify(issues));
  return config;
}

const CASES: readonly [string, string, readonly string[]][] = [
  ["workers = 2", "workers = 4", []],
  ["workers = 4", "workers = 1", []],
  ["workers = 2", `workers = ${MAX_WORKERS}`, []],
  ["workers = 2", `workers = ${MAX_WORKERS + 1}`, ["runtime.workers"]],
  ["workers = 2", "workers = 0", ["runtime.workers"]],
  ["workers = 0", "workers = 2", ["runtime.workers"]],
  ['transport = "auto"', 'transport = "net"', ["runtime.transport"]],
  ['transport = "auto"', 'transport = "epoll"', []],
  ['transport = "epoll"', 'transport = "auto"', []],
  ['transport = "epoll"', 'transport = "io_uring"', ["runtime.transport"]],
  ["workers = 9", "workers = 9", []],
  ["tcp_buffer_bytes = 0", "tcp_buffer_bytes = 65536", ["runtime.tcp_buffer_bytes"]],
  ["tcp_buffer_bytes = 65536", "tcp_buffer_bytes = 65536", []],
];

for (const [before, after, fields] of CASES) {
  test(`${before} to ${after}: ${fields.join() || "live"}`, () => {
    const running = read(before);
    const live = keepRestartRequired(running, read(`${after}\nconnect_timeout_ms = 777`), RUNNING);
    assert.deepEqual(live.fields, fields);
    assert.equal(live.config.runtime.connect_timeout_ms, 777);
    const kept = fields.length > 0 ? running : read(after);
    assert.equal(live.config.runtime.workers, kept.runtime.workers);
    assert.equal(live.config.runtime.transport, kept.runtime.transport);
    assert.equal(live.config.runtime.tcp_buffer_bytes, kept.runtime.tcp_buffer_bytes);
  });
}
