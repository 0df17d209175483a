import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../base/clock.ts";
import { MAX_QUEUED_BYTES } from "./dgram-udp.ts";
import { loadNativeAddon, type NativeAddon } from "./native-addon.ts";
import { NativeUdp } from "./native-udp.ts";
import * as layout from "./native-udp-layout.ts";
import { openDescriptors } from "./transport-peers.contract.ts";
import { testUdp } from "./udp.contract.ts";
import * as interfaceLayout from "./udp.ts";

function testLayout({ udpLayout }: NativeAddon): void {
  test("both sides of the shared memory agree on its layout", () => {
    const { MAX_UDP_SEGMENTS, UDP_RECORD_WORDS, ...rest } = interfaceLayout;
    const places = Object.entries(rest).filter(([name]) => name.startsWith("UDP_"));
    for (const [name, place] of [...places, ...Object.entries(layout)]) {
      assert.equal(udpLayout[name], place, name);
    }
    assert.equal(udpLayout["UDP_RECORD_WORDS"], UDP_RECORD_WORDS);
    assert.equal(udpLayout["MAX_UDP_SEGMENTS"], MAX_UDP_SEGMENTS);
    assert.equal(udpLayout["MAX_QUEUED_BYTES"], MAX_QUEUED_BYTES, "both queue as much");
  });
}

function testArguments(addon: NativeAddon): void {
  test("arguments of another type are refused, not read", () => {
    const make = addon.UdpSocket as unknown as new (...args: unknown[]) => unknown;
    const options = { host: "127.0.0.1", port: 0, reusePort: false, bufferBytes: 65_536 };
    const memory = {
      slab: new Uint8Array(65_536),
      received: new Uint32Array(interfaceLayout.UDP_RECORD_WORDS),
      unreachable: new Uint32Array(layout.UNREACHABLE_WORDS),
      out: new Uint8Array(1),
      staged: new Uint32Array(1),
      state: new Uint32Array(layout.STATE_WORDS),
    };
    const before = openDescriptors();
    assert.throws(() => new make(), /bad argument: options/);
    assert.throws(() => new make({ ...options, port: "x" }), /bad argument: port/);
    assert.throws(() => new make(options), /bad argument: memory/);
    assert.throws(() => new make(options, { ...memory, out: null }), /bad argument: out/);
    assert.throws(
      () => new make(options, { ...memory, slab: new Uint8Array(65_535) }),
      /bad argument: memory/,
    );
    assert.throws(() => new make(options, { ...memory, state: new Uint32Array(0) }), /bad argument: memory/);
    assert.throws(() => new make({ ...options, host: "localhost" }, memory, () => 0), { code: "EINVAL" });
    assert.equal(openDescriptors(), before);
  });
}

const load = loadNativeAddon();
if (load.kind === "loaded") {
  const { addon } = load;
  testLayout(addon);
  testArguments(addon);
  testUdp({ name: "native", make: () => new NativeUdp(new Clock(), addon), native: true });
} else {
  test("native datagram sockets", { skip: load.reason }, () => {});
}
