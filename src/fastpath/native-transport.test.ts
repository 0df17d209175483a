import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../base/clock.ts";
import { SEND_HIGH_WATER_BYTES } from "../base/limits.ts";
import { loadNativeAddon, type NativeAddon, type NativeEngine } from "./native-addon.ts";
import * as layout from "./native-layout.ts";
import { NativeTransport } from "./native-transport.ts";
import { testTransport } from "./transport.contract.ts";
import { accepted, connected, say } from "./transport-peers.contract.ts";

const BOUND = { timeout: 30_000 };

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
  testEarlyAnswer(addon, engine);
}

/** node:net forgets what it has not read when a write fails; a gateway would lose an early answer with it. */
function testEarlyAnswer(addon: NativeAddon, engine: NativeEngine): void {
  test(`${engine}: what came before a reset is read though sending has failed`, BOUND, async (context) => {
    const transport = new NativeTransport(new Clock(), addon, engine);
    context.after(() => transport.close());
    for (const open of [accepted, connected]) {
      const pair = await open(transport, "127.0.0.1");
      pair.peer.socket.write("refused");
      pair.peer.socket.resetAndDestroy();
      for (let i = 0; i < 3; i++) {
        say(transport, pair, "more");
        transport.flush();
      }
      await pair.own.until("the close", () => pair.own.closed !== null);
      assert.equal(pair.own.text, "refused");
      assert.notEqual(pair.own.closed, "");
    }
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
