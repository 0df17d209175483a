import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { silentLog } from "../base/log.ts";
import { nativeAddon } from "../fastpath/native-addon.ts";
import { SystemdNotifier } from "./systemd.ts";

function notifier(environment: NodeJS.ProcessEnv, sent: string[] = []): SystemdNotifier {
  return new SystemdNotifier({
    environment,
    pid: 42,
    send: (_socket, message) => void sent.push(message),
    log: silentLog,
    monotonicUs: () => 123_456n,
  });
}

test("each state is told as systemd wants it", () => {
  const sent: string[] = [];
  const systemd = notifier({ NOTIFY_SOCKET: "/run/notify" }, sent);
  for (const state of [
    "created",
    "starting",
    "running",
    "reloading",
    "running",
    "draining",
    "stopping",
    "stopped",
  ] as const) {
    systemd.stateChanged(state, 21_000);
  }
  systemd.watchdog();
  assert.deepEqual(sent, [
    "READY=1\nSTATUS=Serving",
    "RELOADING=1\nMONOTONIC_USEC=123456\nSTATUS=Reloading",
    "READY=1\nSTATUS=Serving",
    "STOPPING=1\nEXTEND_TIMEOUT_USEC=26000000\nSTATUS=Draining",
    "STOPPING=1\nSTATUS=Stopping",
    "WATCHDOG=1",
  ]);
});

test("without a socket nothing is sent", () => {
  const sent: string[] = [];
  notifier({}, sent).stateChanged("running", 0);
  assert.deepEqual(sent, []);
});

test("signs of life are due at half of the watchdog's time, if it watches this process", () => {
  assert.equal(notifier({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "42" }).watchdogIntervalMs, 15_000);
  assert.equal(notifier({ WATCHDOG_USEC: "30000000" }).watchdogIntervalMs, 15_000);
  assert.equal(notifier({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }).watchdogIntervalMs, 0);
  assert.equal(notifier({}).watchdogIntervalMs, 0);
  assert.equal(notifier({ WATCHDOG_USEC: "soon" }).watchdogIntervalMs, 0);
});

test("a socket that is gone is logged and does no harm", () => {
  const lines: string[] = [];
  const systemd = new SystemdNotifier({
    environment: { NOTIFY_SOCKET: "/nowhere" },
    pid: 42,
    send: () => {
      throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    },
    log: { ...silentLog, warn: (_fields, message) => void lines.push(message) },
    monotonicUs: () => 0n,
  });
  systemd.stateChanged("running", 0);
  assert.equal(lines.length, 1);
});

/** Node.js has no datagram sockets of AF_UNIX, so that Python listens. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
print(s.recv(4096).decode().replace("\\n", "|"), flush=True)
`;

async function receive(t: TestContext, path: string): Promise<AsyncIterator<string> | null> {
  const python = spawn("python3", ["-c", LISTENER, path], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => python.kill());
  const missing = once(python, "error").then(() => null);
  const lines = createInterface(python.stdout)[Symbol.asyncIterator]();
  const first = await Promise.race([missing, lines.next()]);
  return first === null ? null : lines;
}

test("a message reaches a real socket", { timeout: 10_000 }, async (t) => {
  const addon = nativeAddon();
  if (addon === null) return t.skip("the native addon is missing: nothing can be sent");
  const folder = mkdtempSync(join(tmpdir(), "expressgateway-notify-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "socket");
  const lines = await receive(t, path);
  if (lines === null) return t.skip("python3 is missing: nobody can receive");
  const systemd = new SystemdNotifier({
    environment: { NOTIFY_SOCKET: path },
    pid: process.pid,
    send: (socket, message) => addon.notifySocket(socket, message),
    log: silentLog,
    monotonicUs: () => 0n,
  });
  systemd.stateChanged("running", 0);
  assert.equal((await lines.next()).value, "READY=1|STATUS=Serving");
});
