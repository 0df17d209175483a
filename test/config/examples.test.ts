/** The files that come with the gateway: they are right, and they show every key that can be used. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "smol-toml";
import { exampleCertificates } from "../support/example-certificates.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { parseConfig } from "../../src/control/config/parse-config.ts";
import { renderIssues } from "../../src/control/config/render.ts";
import { allFields } from "./schema-fields.ts";

const root = new URL("../../config/", import.meta.url);
const examples = readdirSync(new URL("examples/", root)).map((name) => `examples/${name}`);

/** What later versions serve, with what this one says. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "examples/tcp.toml": ['listener protocol "tcp"'],
  "examples/passthrough-mode-a.toml": ["[passthrough]"],
};

/** The nine names of older installations, besides those. */
const SERVED = ["h1", "tls", "h1s", "h1s-grpc", "h1s-websocket", "quic-h3", "quic-mode-b"].map(
  (name) => `examples/${name}.toml`,
);

/** Keys that only refused configurations can have. */
const NOT_YET = [
  "listeners.tls.acme",
  "listeners.tls.acme_email",
  "listeners.tls.acme_domains",
  "listeners.tls.acme_staging",
  "listeners.tls.acme_storage_path",
  "listeners.tls.challenge_type",
  "listeners.tls.dns_provider",
  "listeners.max_connections",
  "listeners.tcp_allowed_ips",
  "listeners.udp_session_timeout_secs",
  "listeners.udp_max_sessions",
  "services.*.health_check",
  "services.*.sticky",
  "services.*.failover",
  "services.*.mirror",
  "services.*.revisions",
  "services.*.rollout",
  "services.*.scaling",
  "routers.*.middlewares",
  "middlewares",
  "runtime.xdp_interface",
  "passthrough",
  "providers",
];
/** Keys of a listener's own backends; the same ones of services are shown. */
const OF_OWN_BACKENDS = /^listeners\.backends\.tls/;

function read(file: string) {
  const text = readFileSync(new URL(file, root), "utf8");
  return { text, ...parseConfig(text, { file, env: {}, certificates: { files: filesOf(text) } }) };
}

/** What an example names, in memory under the same paths. */
function filesOf(text: string): MemoryFiles {
  const files = new MemoryFiles();
  const write = (name: string, content: string | Uint8Array) =>
    files.write(name.replaceAll("_", "/"), content);
  exampleCertificates(write).replaceIn(parse(text));
  return files;
}

test("the nine names of the older examples are there, and the default and the demo", () => {
  for (const name of [...Object.keys(REFUSED), ...SERVED, "default.toml", "demo.toml"]) {
    assert.ok(read(name).text.length > 0, name);
  }
});

for (const file of ["default.toml", "demo.toml", "expressgateway.toml", ...examples]) {
  const expected = REFUSED[file];
  if (expected !== undefined) {
    test(`${file} is refused for what is not available, and for nothing else`, () => {
      const { config, issues } = read(file);
      assert.equal(config, undefined);
      const wanted = expected.map((what) => `${what} is not available in this version`);
      assert.deepEqual(
        issues.map((issue) => issue.message),
        wanted,
      );
      assert.ok(issues.every((issue) => issue.line > 0 && issue.column > 0 && issue.kind === "unavailable"));
    });
    continue;
  }
  test(`${file} is right, without a warning`, () => {
    const { config, issues, text } = read(file);
    assert.equal(renderIssues(issues, text, file), "");
    assert.ok(config !== undefined);
  });
}

for (const file of examples) {
  test(`${file} begins with a comment that shows how to boot it`, () => {
    const { text } = read(file);
    assert.match(text, /^# \S/);
    const head = text.slice(0, text.indexOf("\n["));
    assert.ok(head.includes(`expressgateway config/${file}`), head);
  });
}

/** The paths of all keys of a file, with `*` for names that the operator chooses. */
function pathsOf(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item) => pathsOf(item, path))];
  if (typeof value !== "object" || value === null) return [path];
  const chosen = ["routers", "services", "middlewares"].includes(path);
  const inner = Object.entries(value).flatMap(([key, item]) => {
    const step = chosen ? "*" : key;
    return pathsOf(item, path === "" ? step : `${path}.${step}`);
  });
  return [path, ...inner];
}

test("every key that can be used is in an example", () => {
  const shown = new Set(examples.flatMap((file) => pathsOf(parse(read(file).text), "")));
  const missing = allFields()
    .map(({ path }) => path)
    .filter((path) => !NOT_YET.some((prefix) => path === prefix || path.startsWith(`${prefix}.`)))
    .filter((path) => !OF_OWN_BACKENDS.test(path) && !shown.has(path));
  assert.deepEqual(missing, []);
});
