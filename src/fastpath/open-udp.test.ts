import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../base/clock.ts";
import { loadNativeAddon } from "./native-addon.ts";
import { openUdp } from "./open-udp.ts";
import { UdpPeer, UdpRecorder } from "./udp-peers.contract.ts";

const BOUND = { timeout: 10_000 };

test("sockets follow the transport, as far as the addon goes", () => {
  const native = loadNativeAddon().kind === "loaded" ? "native" : "dgram";
  assert.equal(openUdp("net", new Clock()).kind, "dgram");
  assert.equal(openUdp("epoll", new Clock()).kind, native);
  assert.equal(openUdp("io_uring", new Clock()).kind, native);
});

for (const transport of ["net", "epoll"] as const) {
  test(`${transport}: each batch sees the time anew`, BOUND, async (context) => {
    const clock = new Clock();
    const socket = await openUdp(transport, clock).bind({
      host: "127.0.0.1",
      port: 0,
      reusePort: false,
      bufferBytes: 65_536,
    });
    const peer = await UdpPeer.open();
    context.after(() => {
      socket.close();
      peer.socket.close();
    });
    const own = new UdpRecorder();
    let seenMs = NaN;
    own.onArrival = () => {
      seenMs = clock.nowMs;
    };
    socket.receive(own);
    clock.nowMs = -1;
    peer.say("x", socket.local.port);
    await own.until("the datagram", () => own.arrivals.length === 1);
    assert.ok(seenMs > 0);
  });
}
