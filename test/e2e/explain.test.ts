/** `explain` says what the gateway does: the command as a process, and beside a gateway on the same file. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { freePort } from "../support/addresses.ts";
import { Gateway, LAUNCHER } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { RawClient } from "../support/raw-client.ts";
import { named } from "../support/scripts.ts";
import { statusOf } from "../support/strict-http1.ts";
import { startBackend, suiteScope } from "../support/suite.ts";

const FILE = `[[listeners]]
name = "web"
address = "127.0.0.1:8080"
protocol = "h1"

[routers.api]
rule = "Host(\`api.example\`) && PathPrefix(\`/v1\`)"
service = "api"

[routers.beta]
rule = "Host(\`api.example\`) && Header(\`X-Beta\`, \`1\`)"
service = "api"

[services.api]
backends = [{ address = "127.0.0.1:1", weight = 2 }]
`;

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "expressgateway-explain-"));
  await writeFile(join(folder, "lb.toml"), FILE);
  await writeFile(join(folder, "broken.toml"), `${FILE}nonsense = 1\n`);
});
after(() => rm(folder, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function explain(file: string, ...args: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    execFile(LAUNCHER, ["explain", resolve(folder, file), ...args], (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe("explain", { timeout: 60_000 }, () => {
  it("names listener, route, service and backends, and exits with 0", async () => {
    const { code, stdout, stderr } = await explain("lb.toml", "GET", "http://api.example:8080/v1/x");
    assert.deepEqual([code, stderr], [0, ""]);
    const lines = [
      "listener  web, h1 on 127.0.0.1:8080",
      'answer    route "api" takes it',
      "  service   api, round_robin",
      "  127.0.0.1:1  h1  no TLS  weight 2",
      "  beta  priority 44  Header(`x-beta`, `1`) fails: no x-beta",
    ];
    for (const line of lines) assert.ok(stdout.split("\n").includes(line), `${line}\nin\n${stdout}`);
  });

  it("exits with 3 where no route takes it, and says what answers", async () => {
    const missed = await explain("lb.toml", "GET", "http://api.example:8080/v2", "-H", "X-Beta: 2");
    assert.equal(missed.code, 3);
    assert.match(missed.stdout, /^answer +404 \(No route matched; reason no_route\)$/m);
    assert.match(missed.stdout, /beta +priority 44 +Header\(`x-beta`, `1`\) fails: x-beta: 2/);
    const unreachable = await explain("lb.toml", "GET", "http://api.example/");
    assert.equal(unreachable.code, 3);
    assert.match(unreachable.stdout, /no listener is on port 80; there are: web/);
  });

  it("prints JSON for programs", async () => {
    const { code, stdout } = await explain(
      "lb.toml",
      "GET",
      "http://api.example/v1",
      "--listener",
      "web",
      "--json",
    );
    assert.equal(code, 0);
    const explanation = JSON.parse(stdout) as { outcome: { kind: string; route: { name: string } } };
    assert.deepEqual([explanation.outcome.kind, explanation.outcome.route.name], ["route", "api"]);
  });

  it("exits with 1 for a file that cannot be used, with 2 for a question that cannot be asked", async () => {
    const broken = await explain("broken.toml", "GET", "http://a/");
    assert.deepEqual([broken.code, broken.stdout], [1, ""]);
    assert.match(broken.stderr, /broken\.toml:\d+:\d+: error: /);
    const asked = await explain("lb.toml", "GET", "a.example");
    assert.deepEqual([asked.code, asked.stdout], [2, ""]);
    assert.match(asked.stderr, /no URL with http/);
    const named = await explain("lb.toml", "GET", "http://a/", "--listener", "wep");
    assert.equal(named.code, 2);
    assert.match(named.stderr, /did you mean "web"/);
  });
});

const RULES: Readonly<Record<string, string>> = {
  api: "Host(`api.example`) && PathPrefix(`/v1`)",
  wild: "HostRegexp(`[^.]+\\.apps\\.example`)",
  numbers: "PathRegexp(`^/items/[0-9]+$`)",
  writes: "PathPrefix(`/things`) && Method(`POST`)",
  beta: "Header(`X-Beta`, `yes`)",
  query: "Query(`lang`, `fr`)",
};

const REQUESTS: readonly (readonly [method: string, host: string, target: string, ...fields: string[]])[] = [
  ["GET", "api.example", "/v1/users"],
  ["GET", "API.example:8080", "/v1"],
  ["GET", "api.example", "/v2"],
  ["GET", "blog.apps.example", "/"],
  ["GET", "a.b.apps.example", "/"],
  ["GET", "x.example", "/items/12"],
  ["GET", "x.example", "/items/12x"],
  ["POST", "x.example", "/things/1"],
  ["GET", "x.example", "/things/1"],
  ["GET", "x.example", "/", "X-Beta: yes"],
  ["GET", "x.example", "/?lang=f%72"],
  ["GET", "x.example", "/", "X_Beta: yes"],
  ["GET", "x.example", "/", "Transfer-Encoding: gzip"],
];

describe("explain beside a running gateway", { timeout: 60_000 }, () => {
  const scope = suiteScope();

  it("says of every request what becomes of it", async () => {
    const services: Record<string, Record<string, unknown>> = {};
    const routers: Record<string, Record<string, unknown>> = {};
    for (const [name, rule] of Object.entries(RULES)) {
      const backend = await startBackend(scope, { script: named(name) });
      services[name] = { backends: [{ address: backend.address, protocol: "h1" }] };
      routers[name] = { rule, service: name };
    }
    const port = await freePort();
    const gateway = await Gateway.start(scope, { listeners: [h1Listener(port, [])], routers, services });
    for (const [method, host, target, ...fields] of REQUESTS) {
      const client = await RawClient.connect(port);
      const head = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...fields, "", ""].join("\r\n");
      const answer = await client.request(head);
      client.destroy();
      const served = statusOf(answer) === 200 ? answer.body.toString() : String(statusOf(answer));
      const url = `http://x.example:${port}${target}`;
      const options = [`Host: ${host}`, ...fields].flatMap((field) => ["-H", field]);
      assert.equal(await said(gateway.configFile, method, url, ...options), served, head);
    }
  });
});

/** The route, or the status of what answers instead. */
async function said(file: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await explain(file, ...args, "--json");
  const { outcome } = JSON.parse(stdout) as { outcome: { route: { name: string } | null; status?: number } };
  assert.equal(code, outcome.status === undefined ? 0 : 3, stdout + stderr);
  return outcome.status === undefined ? (outcome.route?.name ?? "none") : String(outcome.status);
}
