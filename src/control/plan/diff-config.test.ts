import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import { countChanges, describeChanges, diffConfig } from "./diff-config.ts";

const BASE = `
[[listeners]]
name = "web"
address = "127.0.0.1:8080"
protocol = "h1"
[routers.api]
rule = "PathPrefix(\`/api\`)"
service = "api"
[services.api]
[[services.api.backends]]
address = "10.0.0.1:80"
[[services.api.backends]]
address = "10.0.0.2:80"
`;

function read(toml: string): GatewayConfig {
  const { config, issues } = parseConfig(toml, { file: "test", env: {}, cpus: 2 });
  assert.ok(config !== undefined, JSON.stringify(issues));
  return config;
}

function check(after: string, expected: object): void {
  const changes = diffConfig(read(BASE), read(after));
  assert.deepEqual(describeChanges(changes), expected);
}

test("the same configuration has no changes", () => {
  assert.equal(countChanges(diffConfig(read(BASE), read(BASE))), 0);
});

test("backends are named by address, wherever they stand in the list", () => {
  check(BASE.replace("10.0.0.1:80", "10.0.0.3:80"), {
    added: ["services.api.backends.10.0.0.3:80"],
    removed: ["services.api.backends.10.0.0.1:80"],
  });
});

test("a setting is named by its path, a listener by its name", () => {
  check(BASE.replace(":8080", ":8081").concat("[runtime]\nconnect_timeout_ms = 700\n"), {
    changed: ["listeners.web.address", "runtime.connect_timeout_ms"],
  });
});

test("what is new or gone as a whole is told once", () => {
  const more = `[routers.all]\nrule = "Path(\`/\`)"\nservice = "all"\n[services.all]\n[[services.all.backends]]\naddress = "10.0.0.9:80"\n`;
  check(BASE + more, { added: ["routers.all", "services.all"] });
});

test("values are never told", () => {
  const hash = "a".repeat(64);
  const changes = diffConfig(read(BASE), read(`${BASE}[admin]\napi_token_hash = "${hash}"\n`));
  assert.ok(!JSON.stringify(describeChanges(changes)).includes(hash));
  assert.equal(countChanges(changes), 1);
});
