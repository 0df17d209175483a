import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../test/support/memory-gateway.ts";
import { memoryPlan } from "../../test/support/memory-plan.ts";
import { MemoryNetwork } from "../../test/support/memory-udp.ts";
import type { QuicEngineLoad } from "../fastpath/quiche-engine.ts";
import type { UdpSockets } from "../fastpath/udp.ts";
import { type QuicPlaneOptions, QuicPlane, QuicUnavailableError } from "./quic-plane.ts";

const MISSING: QuicEngineLoad = { kind: "missing", reason: "there is no QUIC engine for moon-z80" };

function plane(options: Partial<QuicPlaneOptions> = {}): QuicPlane {
  const { transport, clock, context } = new MemoryGateway();
  const { wheel, counters } = context;
  return new QuicPlane({
    transport,
    clock,
    wheel,
    counters,
    worker: 0,
    sockets: new MemoryNetwork(),
    ...options,
  });
}

test("a plan that needs QUIC is refused where there is no engine, and it is said for whose sake", async () => {
  const without = plane({ load: () => Promise.resolve(MISSING) });
  for (const [plan, needs] of [
    [memoryPlan({ quic: {} }), 'listener "web"'],
    [memoryPlan({ services: { app: ["10.0.0.1:80", "h3://10.0.0.2:443"] } }), 'backend "10.0.0.2:443"'],
    [memoryPlan({ services: { app: ["quic://10.0.0.3:443"] } }), 'backend "10.0.0.3:443"'],
  ] as const) {
    await assert.rejects(without.open(plan), (error) => {
      assert.ok(error instanceof QuicUnavailableError);
      assert.equal(error.message, `${needs}: there is no QUIC engine for moon-z80`);
      return true;
    });
  }
  assert.throws(() => without.context({} as never), /there is no QUIC engine/);
});

test("nothing is loaded for a plan without QUIC", async () => {
  let loads = 0;
  const load = (): Promise<QuicEngineLoad> => {
    loads += 1;
    return Promise.resolve(MISSING);
  };
  await plane({ load }).open(memoryPlan());
  assert.equal(loads, 0);
});

test("a plan is refused when its sockets cannot be opened", async () => {
  const sockets: UdpSockets = {
    kind: "dgram",
    bind: () => Promise.reject(Object.assign(new Error("too many files"), { code: "EMFILE" })),
  };
  const poor = plane({ sockets });
  poor.setPeers({ secret: new Uint8Array(16), ports: [0], takers: [] });
  for (const [plan, needs] of [
    [memoryPlan({ quic: {} }), 'listener "web"'],
    [memoryPlan({ services: { app: ["h3://10.0.0.2:443"] } }), 'backend "10.0.0.2:443"'],
  ] as const) {
    await assert.rejects(poor.open(plan), {
      name: "QuicUnavailableError",
      message: `${needs}: QUIC: cannot open its sockets: EMFILE`,
    });
  }
});

test("a worker takes packets over when there can be others, and it has a QUIC listener", async () => {
  const listening = memoryPlan({ quic: {} });
  const alone = plane();
  await alone.open(listening);
  assert.equal(alone.handOverPort, 0);
  const one = plane();
  one.setPeers({ secret: new Uint8Array(16), ports: [0, 0], takers: [] });
  await one.open(memoryPlan());
  assert.equal(one.handOverPort, 0);
  await one.open(listening);
  const port = one.handOverPort;
  assert.ok(port > 0);
  await one.open({ ...listening, generation: 2 });
  assert.equal(one.handOverPort, port);
  one.close();
  assert.equal(one.handOverPort, 0);
});
