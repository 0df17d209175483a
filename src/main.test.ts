import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

/** The program as a process of its own, from its TypeScript. */
const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const FOLDER = mkdtempSync(join(tmpdir(), "expressgateway-cli-"));
after(() => rmSync(FOLDER, { recursive: true }));

const LIMIT = { timeout: 30_000 };

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: LIMIT.timeout,
  });
  return { status, stdout, stderr };
}

function file(name: string, toml: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, toml);
  return path;
}

const GOOD = `
[[listeners]]
name = "web"
address = "127.0.0.1:0"
protocol = "h1"
[[listeners.backends]]
address = "127.0.0.1:3000"
[[listeners.backends]]
address = "name.invalid:3001"
[routers.api]
rule = "Host(\`a.example\`)"
service = "api"
[services.api]
strategy = "weighted_round_robin"
[[services.api.backends]]
address = "127.0.0.1:3002"
[runtime]
workers = 0
readiness_settle_ms = 0
[dns]
timeout_ms = 1000
[observability]
access_log = { enabled = false }
`;

test("--version and --help", LIMIT, () => {
  assert.match(run(["--version"]).stdout, /^expressgateway \d+\.\d+\.\d+\n$/);
  const help = run(["--help"]);
  assert.equal(help.status, 0);
  assert.match(help.stdout, /expressgateway check/);
});

test("a wrong command line is exit code 2 with a hint", LIMIT, () => {
  const { status, stderr } = run(["--config", "x.toml"]);
  assert.equal(status, 2);
  assert.match(stderr, /the path is positional.*\nTry "expressgateway --help"/);
});

test("check sums a good file up and warns of names that do not resolve", LIMIT, () => {
  const path = file("good.toml", GOOD);
  const { status, stdout, stderr } = run(["check", path]);
  assert.equal(status, 0);
  assert.match(stderr, /warning: the name "name\.invalid" of a backend does not resolve/);
  const lines = stdout.slice(stdout.indexOf("\n\n") + 2);
  assert.equal(
    lines,
    "listeners\n  web  127.0.0.1:0  h1  2 own backends\n\n" +
      "routers\n  api  Host(`a.example`)  -> api  priority 17\n\n" +
      "services\n  api  weighted_round_robin  1 backend\n\n" +
      "runtime\n  workers  0\n  admin    none\n",
  );
});

test("check tells every error with its place and is exit code 1", LIMIT, () => {
  const path = file("bad.toml", GOOD.replace("protocol", "protocl").replace("0.1:3000", "0.1:99999"));
  const { status, stderr, stdout } = run(["check", path]);
  assert.equal(status, 1);
  assert.match(stderr, /bad\.toml:5:1: error: unknown key "protocl"/);
  assert.match(stderr, /bad\.toml:7:\d+: error: .*99999/);
  assert.match(stdout, /not usable/);
  const missing = run(["check", join(FOLDER, "none.toml")]);
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /cannot read config file: .*none\.toml: no such file/);
});

test("schema is JSON", LIMIT, () => {
  const schema = JSON.parse(run(["schema"]).stdout) as { $schema?: string };
  assert.match(schema.$schema ?? "", /json-schema\.org/);
});

test("a start that fails is exit code 1 and says why", LIMIT, async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const { status, stderr } = run([file("taken.toml", GOOD.replace("127.0.0.1:0", `127.0.0.1:${port}`))]);
  assert.equal(status, 1);
  assert.match(stderr, /cannot bind 127\.0\.0\.1:\d+: EADDRINUSE/);
  assert.equal(run([file("broken.toml", "listeners = 3")]).status, 1);
  assert.equal(run([], { LB_LOG: "loud" }).status, 1);
  taken.close();
});

test(
  "signals: HUP reloads, USR1 reads certificates, TERM drains, a second one ends at once",
  LIMIT,
  async (t) => {
    const path = file("signals.toml", GOOD);
    const gateway = spawn(process.execPath, [MAIN, path], { stdio: ["ignore", "ignore", "pipe"] });
    t.after(() => gateway.kill("SIGKILL"));
    const messages = messagesOf(gateway.stderr);
    await messages.until("serving");
    gateway.kill("SIGUSR1");
    await messages.until("signal: certificates are read again");
    writeFileSync(path, GOOD.replace("readiness_settle_ms = 0", "readiness_settle_ms = 30000"));
    gateway.kill("SIGHUP");
    await messages.until("reloaded");
    writeFileSync(path, "nonsense");
    gateway.kill("SIGHUP");
    await messages.until("reload refused");
    gateway.kill("SIGTERM");
    await messages.until("draining");
    // One that comes at once is the same wish; it goes on until the program takes it for another.
    const again = setInterval(() => gateway.kill("SIGTERM"), 100);
    const ended = await once(gateway, "exit");
    clearInterval(again);
    assert.deepEqual(ended, [143, null]);
  },
);

test("SIGTERM is exit code 0", LIMIT, async (t) => {
  const gateway = spawn(process.execPath, [MAIN, file("term.toml", GOOD)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => gateway.kill("SIGKILL"));
  await messagesOf(gateway.stderr).until("serving");
  gateway.kill("SIGTERM");
  assert.deepEqual(await once(gateway, "exit"), [0, null]);
});

function messagesOf(stream: NodeJS.ReadableStream) {
  const lines = createInterface(stream)[Symbol.asyncIterator]();
  return {
    async until(start: string): Promise<void> {
      for (;;) {
        const { value, done } = await lines.next();
        assert.ok(done !== true, `the program ended before it said: ${start}`);
        const line = value;
        if (line.startsWith("{") && (JSON.parse(line) as { message: string }).message.startsWith(start))
          return;
      }
    },
  };
}

test("the launcher follows symlinks", LIMIT, () => {
  const launcher = fileURLToPath(new URL("../bin/expressgateway", import.meta.url));
  symlinkSync(launcher, join(FOLDER, "first"));
  symlinkSync("first", join(FOLDER, "second"));
  const { stdout, stderr } = spawnSync(join(FOLDER, "second"), ["--version"], { encoding: "utf8" });
  // Without a build there is nothing to start, and it says so.
  assert.match(stdout + stderr, /expressgateway \d+\.\d+\.\d+\n|dist\/main\.js is missing/);
});
