import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../base/clock.ts";
import { SEND_HIGH_WATER_BYTES } from "../base/limits.ts";
import { loadNativeAddon, type NativeAddon, type NativeEngine } from "./native-addon.ts";
import * as layout from "./native-layout.ts";
import { NativeTransport } from "./native-transport.ts";
import { testTransport } from "./transport.contract.ts";

const ENGINES: readonly NativeEngine[] = ["epoll", "io_uring"];

function testEngine(addon: NativeAddon, engine: NativeEngine): void {
  const reason = addon.transportProbe(engine);
  if (reason !== "") {
    test(`${engine} does not run here`, { skip: reason }, () => {});
    return;
  }
  testTransport({
    name: engine,
    make: () => new NativeTransport(new Clock(), addon, engine),
    probes: true,
    losesNoneOnClose: true,
  });
}

const load = loadNativeAddon();
if (load.kind === "loaded") {
  const { addon } = load;
  test("both sides of the shared memory agree on its layout", () => {
    for (const [name, value] of Object.entries(layout)) {
      if (name !== "RECORD_WORDS") assert.equal(addon.transportLayout[name], value, name);
    }
    assert.equal(addon.transportLayout["HIGH_WATER_BYTES"], SEND_HIGH_WATER_BYTES);
  });
  for (const engine of ENGINES) testEngine(addon, engine);
} else {
  test("native transports", { skip: load.reason }, () => {});
}
