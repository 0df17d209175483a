/** The command around the serving: what it says, where, and to whom. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { Gateway, LAUNCHER } from "../support/gateway.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, startProxied } from "../support/suite.ts";

const run = promisify(execFile);

const BROKEN = `[[listeners]]
address = "127.0.0.1:1"
protocol = "h9"
backends = "127.0.0.1:2"
`;

describe("the command", { timeout: 60_000 }, () => {
  it("logs what is wrong with its file as JSON lines, where programs read them", async (t) => {
    const gateway = await Gateway.startToml(t, BROKEN, { adminPort: 1, expectRefusal: true });
    assert.equal(await gateway.exited(), 1);
    const { lines } = gateway.log;
    assert.ok(
      lines.every(({ fields }) => fields["level"] !== undefined),
      gateway.log.tail(),
    );
    const places = lines.map(({ fields }) => fields["place"]).filter((place) => typeof place === "string");
    assert.equal(places.length, 2, gateway.log.tail());
    assert.match(places[0] ?? "", /gateway\.toml:3:12$/);
    assert.match(places[1] ?? "", /gateway\.toml:4:12$/);
  });

  it("shows people the lines of the file", async (t) => {
    const env = { LB_LOG_FORMAT: "plain" };
    const gateway = await Gateway.startToml(t, BROKEN, { adminPort: 1, expectRefusal: true, env });
    assert.equal(await gateway.exited(), 1);
    assert.match(gateway.log.tail(), /gateway\.toml:3:12: error: .*\n +3 \| protocol = "h9"\n/);
  });

  it("is not disturbed by SIGUSR2, and says so", async (t) => {
    const { gateway, connect } = await startProxied(t);
    gateway.kill("SIGUSR2");
    await gateway.waitForLog("SIGUSR2", ({ text }) => text.includes("SIGUSR2"));
    assert.equal(statusOf(await (await connect()).request(get("/"))), 200);
  });

  it("ends quietly when its reader has seen enough", async () => {
    const { stdout, stderr } = await run("/bin/sh", ["-c", '"$0" schema | head -c 200', LAUNCHER]);
    assert.equal(stdout.length, 200);
    assert.equal(stderr, "");
  });

  it("lists every exit code", async () => {
    const { stdout } = await run(LAUNCHER, ["--help"]);
    for (const code of [0, 1, 2, 3, 130, 143]) assert.match(stdout, new RegExp(`^  ${code} +\\S`, "m"));
  });

  it("warns at a check of what can never match", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "expressgateway-check-"));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, "lb.toml");
    const rule = "rule = 'Host(`a`) && Host(`b`)'";
    await writeFile(
      file,
      `[[listeners]]
address = "127.0.0.1:8080"
protocol = "h1"
[routers.r]
${rule}
service = "s"
[services.s]
backends = [{ address = "127.0.0.1:1" }]
`,
    );
    const { stdout, stderr } = await run(LAUNCHER, ["check", file]);
    assert.match(stdout, /OK, with 1 warning\n/);
    assert.match(stderr, /this rule never matches/);
  });
});

describe("the library", () => {
  it("needs no types of Node.js in the signatures of the gateway", { timeout: 30_000 }, async () => {
    const all = await declarations();
    assert.ok(all.size > 5, `${all.size} files`);
    for (const [url, text] of all) assert.doesNotMatch(text, /NodeJS\.|"node:/, url);
  });

  it("refuses an older Node.js in one sentence", { timeout: 30_000 }, async (t) => {
    const older = await olderNode();
    if (older === null) return t.skip("there is no older Node.js on this machine");
    const index = new URL("../../dist/index.js", import.meta.url).href;
    const program = `import { createGateway } from ${JSON.stringify(index)};
createGateway({ toml: "" }).catch((error) => console.log(error.message));`;
    const { stdout } = await run(older, ["--input-type=module", "-e", program]);
    assert.match(stdout, /^expressgateway needs Node\.js 24 or later, this is \d+[^\n]*\n$/);
  });
});

/** The declarations that a program sees that imports the library. */
async function declarations(): Promise<ReadonlyMap<string, string>> {
  const seen = new Map<string, string>();
  const queue = [new URL("../../dist/index.d.ts", import.meta.url)];
  for (let url = queue.pop(); url !== undefined; url = queue.pop()) {
    if (seen.has(url.href)) continue;
    const text = await readFile(url, "utf8");
    seen.set(url.href, text);
    for (const [, path = ""] of text.matchAll(/(?:from|import\() ?"(\.[^"]+)\.[jt]s"/g)) {
      queue.push(new URL(`${path}.d.ts`, url));
    }
  }
  return seen;
}

/** A Node.js of the system, beside the pinned one that runs the tests. */
async function olderNode(): Promise<string | null> {
  const path = "/usr/bin/node";
  const version = await run(path, ["--version"]).catch(() => null);
  if (version === null) return null;
  const major = Number(/^v(\d+)/.exec(version.stdout)?.[1] ?? Infinity);
  return major < 24 ? path : null;
}
