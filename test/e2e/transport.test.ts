/** Which transport moves the bytes: chosen, told, refused. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import {
  AUTO_ORDER,
  chooseTransport,
  type TransportKind,
  type TransportSetting,
} from "../../src/fastpath/choose-transport.ts";
import { probeTransport } from "../../src/fastpath/open-transport.ts";
import type { createGateway as CreateGateway } from "../../src/control/create-gateway.ts";
import { freePort, HOST } from "../support/addresses.ts";
import { Gateway, LAUNCHER } from "../support/gateway.ts";
import { h1Listener, toToml } from "../support/gateway-config.ts";
import { installWithoutAddon } from "../support/installation.ts";
import { RawClient } from "../support/raw-client.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, post, startBackend, startProxied, suiteScope, type Proxied } from "../support/suite.ts";

const run = promisify(execFile);
const KINDS: readonly TransportKind[] = ["net", "epoll", "io_uring"];

/** Serves, and says on what it does: in the log, in the metrics. */
async function assertServesOn(
  { gateway, connect }: Pick<Proxied, "gateway" | "connect">,
  kind: TransportKind,
): Promise<Readonly<Record<string, unknown>>> {
  const client = await connect();
  assert.equal(statusOf(await client.request(get("/"))), 200);
  assert.equal(statusOf(await client.request(post("/", "x".repeat(100_000)))), 200);
  client.destroy();
  const metrics = await gateway.scrape();
  const found = metrics.find("expressgateway_transport_info");
  assert.deepEqual(
    found.map(({ labels, value }) => [labels["transport"], value]),
    [[kind, 1]],
  );
  assert.equal(metrics.sum("expressgateway_info", { transport: kind }), 1);
  const lines = gateway.log.lines.filter(({ fields }) => fields["transport"] !== undefined);
  assert.equal(lines.length, 1, gateway.log.tail());
  const fields = lines[0]?.fields ?? {};
  assert.equal(fields["transport"], kind);
  assert.equal(fields["backend"], kind, "as older versions named it");
  return fields;
}

function onTransport(t: TestContext, transport: TransportSetting): Promise<Proxied> {
  return startProxied(t, { config: { runtime: { transport } } });
}

describe("the transport", { timeout: 60_000 }, () => {
  it("auto is the first of its order that runs here", async (t) => {
    const decision = chooseTransport("auto", probeTransport);
    assert.equal(decision.kind, "chosen");
    const { kind, reason } = decision.choice;
    const fields = await assertServesOn(await onTransport(t, "auto"), kind);
    assert.equal(fields["reason"], reason === "" ? undefined : reason);
  });

  for (const kind of KINDS) {
    it(`${kind} by name is that one`, { skip: probeTransport(kind) || false }, async (t) => {
      const fields = await assertServesOn(await onTransport(t, kind), kind);
      assert.equal(fields["reason"], undefined);
    });
  }

  it("is kept by a reload that names another, which needs a restart", async (t) => {
    const proxied = await onTransport(t, "auto");
    const { gateway, config } = proxied;
    const running = (await gateway.scrape()).find("expressgateway_transport_info")[0]?.labels["transport"];
    const other = KINDS.find((kind) => kind !== running && probeTransport(kind) === "");
    if (other === undefined) return t.skip("only one transport runs here");
    await gateway.reload({ ...config, runtime: { transport: other } });
    const warning = await gateway.waitForLog("what needs a restart", ({ text }) =>
      /need a restart/.test(text),
    );
    assert.deepEqual(warning.fields["fields"], ["runtime.transport"]);
    await assertServesOn(proxied, running as TransportKind);
  });

  it("needs no restart when a reload names the one that runs", async (t) => {
    const { gateway, config } = await onTransport(t, "auto");
    const running = (await gateway.scrape()).find("expressgateway_transport_info")[0]?.labels["transport"];
    await gateway.reload({ ...config, runtime: { transport: running } });
    assert.doesNotMatch(gateway.log.tail(), /need a restart/);
    const metrics = await gateway.scrape();
    assert.equal(metrics.sum("config_reload_restart_required_fields_total"), 0);
  });
});

describe("without the addon", { timeout: 60_000 }, () => {
  const scope = suiteScope();
  let launcher = "";

  async function plain(t: TestContext, runtime: object): Promise<Proxied> {
    if (launcher === "") launcher = await installWithoutAddon(scope);
    return await startProxied(t, { config: { runtime: { ...runtime } }, gateway: { launcher } });
  }

  it("auto steps down to node:net and says why", async (t) => {
    const fields = await assertServesOn(await plain(t, { transport: "auto" }), "net");
    const preferred = AUTO_ORDER[0] ?? "";
    assert.match(
      String(fields["reason"]),
      new RegExp(`^${preferred}: the native addon is missing: .*expressgateway\\.node`),
    );
  });

  it("a native one is refused at a reload, with its place, and the old one serves on", async (t) => {
    const proxied = await plain(t, { transport: "net" });
    const { gateway, config } = proxied;
    const toml = toToml({ ...config, runtime: { transport: "epoll" } }, gateway.adminPort);
    assert.equal(await gateway.tryReload(toml), "refused");
    const { fields } = await gateway.waitForLog("the refusal", ({ text }) =>
      text.includes("cannot run here"),
    );
    assert.equal(fields["key"], "runtime.transport");
    assert.equal(fields["place"], `${gateway.configFile}:${placeOf(toml, '"epoll"')}`);
    await assertServesOn(proxied, "net");
  });

  for (const kind of ["epoll", "io_uring"] as const) {
    it(`${kind} is refused at start and by check, with its place and reason`, async (t) => {
      if (launcher === "") launcher = await installWithoutAddon(scope);
      const port = await freePort();
      const toml = toToml(
        { listeners: [h1Listener(port, ["127.0.0.1:1"])], runtime: { transport: kind } },
        1,
      );
      const place = placeOf(toml, `"${kind}"`);
      const refusal = `transport "${kind}" cannot run here: the native addon is missing: `;
      const gateway = await Gateway.startToml(t, toml, { adminPort: 1, expectRefusal: true, launcher });
      assert.equal(await gateway.exited(), 1);
      const line = gateway.log.lines.find(({ text }) => text.includes("cannot run here"));
      assert.equal(line?.fields["place"], `${gateway.configFile}:${place}`, gateway.log.tail());
      assert.equal(line?.fields["key"], "runtime.transport");
      assert.ok(String(line?.fields["message"]).startsWith(refusal), line?.text);
      await assert.rejects(RawClient.connect(port), { code: "ECONNREFUSED" });
      const checked = run(launcher, ["check", gateway.configFile]);
      await assert.rejects(checked, (error: { code: number; stderr: string }) => {
        assert.equal(error.code, 1);
        assert.ok(error.stderr.startsWith(`${gateway.configFile}:${place}: error: ${refusal}`), error.stderr);
        return true;
      });
    });
  }
});

/** `line:column` of a text in the file. */
function placeOf(toml: string, text: string): string {
  const before = toml.slice(0, toml.indexOf(text)).split("\n");
  return `${before.length}:${(before.at(-1) ?? "").length + 1}`;
}

const PYTHON = "/usr/bin/python3";

/** Runs a command in which io_uring_setup(2), number 425 everywhere, fails with EPERM, as in many containers. */
const WITHOUT_IO_URING = `
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
op = lambda code, jt, jf, k: struct.pack("HBBI", code, jt, jf, k)
code = op(0x20, 0, 0, 0) + op(0x15, 0, 1, 425) + op(0x06, 0, 0, 0x00050001) + op(0x06, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
`;

const cannotBlock =
  probeTransport("io_uring") || (existsSync(PYTHON) ? "" : `${PYTHON} is not there`) || false;

it("io_uring where it is blocked is refused with the reason", { skip: cannotBlock }, async (t) => {
  const scope = await startProxied(t, { config: { runtime: { transport: "io_uring" } } });
  const checked = run(PYTHON, ["-c", WITHOUT_IO_URING, LAUNCHER, "check", scope.gateway.configFile]);
  await assert.rejects(checked, ({ stderr }: { stderr: string }) => {
    assert.match(stderr, /transport "io_uring" cannot run here: .*EPERM/);
    return true;
  });
});

describe("the library", { timeout: 60_000 }, () => {
  const native = AUTO_ORDER.find((kind) => kind !== "net" && probeTransport(kind) === "");
  const skip = native === undefined ? `no native transport: ${probeTransport("epoll")}` : false;

  it("runs two gateways in one process on a native transport", { skip }, async (t) => {
    const index = new URL("../../dist/index.js", import.meta.url).href;
    const { createGateway } = (await import(index)) as { readonly createGateway: typeof CreateGateway };
    const backend = await startBackend(t);
    const start = async () => {
      const listeners = [h1Listener(0, [backend.address], { address: `${HOST}:0` })];
      const runtime = { workers: 0, transport: native };
      const gateway = await createGateway({ toml: toToml({ listeners, runtime }, 0) });
      t.after(() => gateway.stop());
      await gateway.start();
      assert.equal(gateway.health().transport, native);
      return gateway;
    };
    const ask = async (port: number | undefined): Promise<void> => {
      const client = await RawClient.connect(port ?? 0);
      assert.equal(statusOf(await client.request(get("/"))), 200);
      client.destroy();
    };
    const first = await start();
    const second = await start();
    await Promise.all([ask(first.ports["web"]), ask(second.ports["web"])]);
    assert.deepEqual(await first.drain(), { aborted: 0 });
    await ask(second.ports["web"]);
    const third = await start();
    await Promise.all([ask(second.ports["web"]), ask(third.ports["web"])]);
    assert.match(
      await third.metrics(),
      new RegExp(`^expressgateway_transport_info\\{transport="${native}"\\} 1$`, "m"),
    );
  });
});
