import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "@matrixai/quic/native/types.js";
import { transportSettings } from "./quic-engine-peers.contract.ts";
import type { QuicTransportSettings } from "./quic-engine.ts";
import { applyWindows, lostWindowLimits } from "./quiche-windows.ts";

interface Windows {
  connection: number;
  stream: number;
}

/** What a configuration is told of the beginning. */
function initial(changes: Partial<QuicTransportSettings>): Windows {
  const windows: Windows = { connection: -1, stream: -1 };
  const config = {
    setInitialMaxData: (octets: number) => (windows.connection = octets),
    setInitialMaxStreamDataBidiLocal: (octets: number) => (windows.stream = octets),
    setInitialMaxStreamDataBidiRemote: (octets: number) => assert.equal(octets, windows.stream),
    setInitialMaxStreamDataUni: (octets: number) => assert.equal(octets, windows.stream),
    setMaxConnectionWindow() {},
    setMaxStreamWindow() {},
  };
  applyWindows(config as unknown as Config, transportSettings(changes));
  return windows;
}

const MIB = 1024 * 1024;
const USUAL = {
  connectionWindowBytes: 10 * MIB,
  streamWindowBytes: MIB,
  maxBidirectionalStreams: 128,
  maxUnidirectionalStreams: 16,
};

test("streams share the connection's window, whose own allowance is never used up", () => {
  assert.deepEqual(initial(USUAL), { connection: Number.MAX_SAFE_INTEGER, stream: 72_817 });
  assert.deepEqual(initial({ ...USUAL, maxQueuedDatagrams: 10 }), {
    connection: 2 ** 30 - 1,
    stream: 72_817,
  });
});

test("a share is no more than a stream's own window", () => {
  assert.equal(initial({ ...USUAL, maxBidirectionalStreams: 4, maxUnidirectionalStreams: 3 }).stream, MIB);
});

test("who opens the streams itself shares among as many as servers allow", () => {
  assert.equal(
    initial({ ...USUAL, maxBidirectionalStreams: 0, maxUnidirectionalStreams: 16 }).stream,
    72_817,
  );
});

test("where shares would be too small, the windows are as they are set", () => {
  for (const connectionWindowBytes of [0, 224 * 1024, 4 * MIB]) {
    const windows = initial({ ...USUAL, connectionWindowBytes });
    assert.deepEqual(windows, { connection: connectionWindowBytes, stream: MIB });
  }
});

test("a stream begins with no more than it is told to", () => {
  assert.equal(initial({ ...USUAL, streamStartBytes: 8192 }).stream, 8192);
  assert.equal(initial({ ...USUAL, connectionWindowBytes: 224 * 1024, streamStartBytes: 8192 }).stream, 8192);
  assert.equal(initial({ ...USUAL, streamStartBytes: 2 * MIB }).stream, 72_817);
});

test("less than half of the window that quiche keeps may be lost, where it can be lost", () => {
  const limit = (connectionWindowBytes: number): number =>
    lostWindowLimits(transportSettings({ ...USUAL, connectionWindowBytes })).lossLimitBytes;
  assert.equal(limit(10 * MIB), Infinity);
  assert.equal(limit(224 * 1024), 18 * 1024);
  assert.equal(limit(16 * 1024), 9 * 1024);
});
