import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST } from "../../../test/support/addresses.ts";
import { memoryPlan } from "../../../test/support/memory-plan.ts";
import { Clock } from "../../base/clock.ts";
import { UDP_BUFFER_BYTES } from "../../base/limits.ts";
import { nativeAddon } from "../../fastpath/native-addon.ts";
import { NativeUdp } from "../../fastpath/native-udp.ts";
import type { ListenerPlan, Plan } from "../../proxy/plan.ts";
import { reservePorts } from "./reserve-ports.ts";

const addon = nativeAddon();
const OPTIONS = { skip: addon === null ? "the native addon is missing" : false };

/** A TCP listener and one of QUIC that have the same address, and want any port. */
function plan(port = 0): Plan {
  const only = (made: Plan): ListenerPlan => made.listeners[0] ?? assert.fail("no listener");
  const where = { host: HOST, port, address: `${HOST}:${port}` };
  const tcp = only(memoryPlan({ listener: { ...where, name: "tcp" } }));
  const quic = only(memoryPlan({ listener: { ...where, name: "quic" }, quic: {} }));
  return { ...memoryPlan(), listeners: [tcp, quic] };
}

function portsOf({ listeners }: Plan): number[] {
  return listeners.map(({ port }) => port);
}

test("each listener gets a port of its transport, which is held until it is released", OPTIONS, async () => {
  assert.ok(addon !== null);
  const reservation = await reservePorts(addon, plan(), new Map());
  const [tcp = 0, udp = 0] = portsOf(reservation.plan);
  assert.ok(tcp > 0 && udp > 0);
  const sockets = new NativeUdp(new Clock(), addon);
  const alone = { host: HOST, reusePort: false, bufferBytes: UDP_BUFFER_BYTES };
  await assert.rejects(sockets.bind({ ...alone, port: udp }), { code: "EADDRINUSE" });
  // Workers share it.
  const worker = await sockets.bind({ ...alone, reusePort: true, port: udp });
  worker.close();
  reservation.release();
  const free = await sockets.bind({ ...alone, port: udp });
  free.close();
});

test("listeners keep the ports that they have", OPTIONS, async () => {
  assert.ok(addon !== null);
  const first = await reservePorts(addon, plan(), new Map());
  first.release();
  const next = await reservePorts(addon, plan(), first.ports);
  next.release();
  assert.deepEqual(portsOf(next.plan), portsOf(first.plan));
  const fixed = plan(4433);
  assert.equal((await reservePorts(addon, fixed, first.ports)).plan, fixed);
});
