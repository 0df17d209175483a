import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../base/clock.ts";
import { loadNativeAddon, nativeAddon } from "./native-addon.ts";
import { NetTransport } from "./net-transport.ts";
import { testTransport } from "./transport.contract.ts";
import { accepted } from "./transport-peers.contract.ts";

testTransport({
  name: "node:net",
  make: () => new NetTransport(new Clock(), null),
  probes: false,
  losesNoneOnClose: false,
});

if (loadNativeAddon().kind === "loaded") {
  testTransport({
    name: "node:net with the addon",
    make: () => new NetTransport(new Clock(), nativeAddon()),
    probes: true,
    losesNoneOnClose: true,
  });
}

test("each event sees the time anew", { timeout: 10_000 }, async (context) => {
  const clock = new Clock();
  const transport = new NetTransport(clock, null);
  context.after(() => transport.close());
  const { own, peer } = await accepted(transport, "127.0.0.1");
  clock.nowMs = -1;
  let seenMs = NaN;
  own.onDataHook = () => {
    seenMs = clock.nowMs;
  };
  peer.socket.write("x");
  await own.until("the byte", () => own.receivedBytes === 1);
  assert.ok(seenMs > 0);
  peer.socket.destroy();
});
