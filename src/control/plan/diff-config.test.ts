import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenFiles } from "../../../test/config/golden-files.ts";
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

const FILES = goldenFiles();

function read(toml: string): GatewayConfig {
  const { config, issues } = parseConfig(toml, {
    file: "test",
    env: {},
    cpus: 2,
    certificates: { files: FILES },
  });
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

const QUIC = `
[[listeners]]
name = "q"
address = "127.0.0.1:443"
protocol = "quic"
[listeners.quic]
cert_path = "/tls/good.pem"
key_path = "/tls/good.key"
retry_secret_path = "/quic/retry.secret"
`;
const RAW = `${QUIC}[listeners.quic.raw_proxy]
backends = ["a.test:1", "b.test:1"]
sni = "a.test"
`;

test("settings of QUIC are named by their path", () => {
  const changes = diffConfig(
    read(QUIC),
    read(
      `${QUIC}early_data = true\nmax_concurrent_bidi_streams = 7\nretry = "always"\n[pool]\nquic_max_total = 9\n`,
    ),
  );
  assert.deepEqual(
    { changed: changes.changed.toSorted(), added: changes.added, removed: changes.removed },
    {
      added: [],
      removed: [],
      changed: [
        "listeners.q.quic.early_data",
        "listeners.q.quic.max_concurrent_bidi_streams",
        "listeners.q.quic.retry",
        "pool.quic_max_total",
      ],
    },
  );
});

test("the backends of a raw proxy are named as others are", () => {
  const changes = diffConfig(read(RAW), read(RAW.replace("b.test:1", "c.test:1")));
  assert.deepEqual(describeChanges(changes), {
    added: ["listeners.q.backends.c.test:1"],
    removed: ["listeners.q.backends.b.test:1"],
    changed: ["listeners.q.quic.raw_proxy.backends"],
  });
});
