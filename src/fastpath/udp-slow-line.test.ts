/**
 * Datagram sockets on a line that takes less than they send: the kernel's buffer fills up, what is beyond
 * waits, and its end is told. Loopback is as fast as its sender, so a process of its own gets a network of its
 * own, with a slow one.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Clock } from "../base/clock.ts";
import { DgramUdp } from "./dgram-udp.ts";
import { loadNativeAddon, nativeAddon } from "./native-addon.ts";
import { NativeUdp } from "./native-udp.ts";
import { pathTo, pattern, stage, UdpPeer, UdpRecorder } from "./udp-peers.contract.ts";
import type { UdpSockets } from "./udp.ts";

const SELF = fileURLToPath(import.meta.url);
/** Names the implementation to the process that has the slow line. */
const CHILD = "EXPRESSGATEWAY_TEST_SLOW_UDP";
const BOUND = { timeout: 60_000 };
const UNSHARE = process.getuid?.() === 0 ? ["--net"] : ["--user", "--map-root-user", "--net"];
const SLOW = "ip link set lo up && tc qdisc add dev lo root tbf rate 100mbit burst 70kb limit 16mb";
/** The least that the kernel has; two datagrams fill it. */
const TINY_BUFFER_BYTES = 4096;
const RUN_BYTES = 12_000;

function openSockets(kind: string): UdpSockets {
  const addon = nativeAddon();
  return kind === "native" && addon !== null ? new NativeUdp(new Clock(), addon) : new DgramUdp(new Clock());
}

/** Sends until the line is full, then more; and again, when it is told that there is room, from within the call. */
async function sendTooMuch(kind: string): Promise<void> {
  const sockets = openSockets(kind);
  assert.equal(sockets.kind, kind);
  const socket = await sockets.bind({
    host: "127.0.0.1",
    port: 0,
    reusePort: false,
    bufferBytes: TINY_BUFFER_BYTES,
  });
  const own = new UdpRecorder();
  socket.receive(own);
  const peer = await UdpPeer.open();
  const path = pathTo("127.0.0.1", peer.port);
  let runs = 0;
  const fill = (): void => {
    let open = true;
    for (let extra = 0; extra < 3; extra += open ? 0 : 1) {
      open = stage(socket, path, pattern(RUN_BYTES, runs), 1200);
      socket.flush();
      runs += 1;
      assert.ok(runs < 1000, "the line is slow");
    }
  };
  own.onDrainHook = () => {
    if (own.drains < 5) fill();
  };
  fill();
  await own.until("five drains", () => own.drains === 5);
  await peer.until("all of it", () => peer.receivedBytes === runs * RUN_BYTES);
  const sent = Array.from({ length: runs }, (_, i) => pattern(RUN_BYTES, i));
  assert.ok(Buffer.concat(peer.received).equals(Buffer.concat(sent)), "whole and in order");
  assert.equal(socket.droppedDatagrams, 0);
  assert.ok(stage(socket, path, "there is room"));
  // Closed with a full line.
  for (let i = 0; i < 20; i++) stage(socket, path, pattern(RUN_BYTES), 1200);
  socket.close();
  peer.socket.close();
}

function testKind(kind: string): void {
  test(`${kind}: what the kernel has no room for waits, in order, and drains`, BOUND, async () => {
    const child = spawn(
      "unshare",
      [...UNSHARE, "sh", "-c", `${SLOW} && exec "$0" "$1"`, process.execPath, SELF],
      {
        env: { ...process.env, [CHILD]: kind },
        stdio: ["ignore", "ignore", "inherit"],
      },
    );
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });
}

const childKind = process.env[CHILD];
if (childKind !== undefined) {
  await sendTooMuch(childKind);
} else if (spawnSync("unshare", [...UNSHARE, "sh", "-c", SLOW]).status !== 0) {
  test("a slow line", { skip: "needs unshare, ip and tc, and the right to use them" }, () => {});
} else {
  if (loadNativeAddon().kind === "loaded") testKind("native");
  testKind("dgram");
}
