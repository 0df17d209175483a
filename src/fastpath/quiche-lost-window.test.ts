import assert from "node:assert/strict";
import { test } from "node:test";
import { QuicheLostWindow } from "./quiche-lost-window.ts";

const LIMIT = 18_432;
const PACKETS = 10;
const PACKET_BYTES = 1040;

function lostWindow(lossLimitBytes = LIMIT): QuicheLostWindow {
  return new QuicheLostWindow({ streamStartBytes: 8192, streamWindowBytes: 131_072, lossLimitBytes });
}

/** Packets with 10,000 octets of streams. */
function packets(window: QuicheLostWindow): void {
  for (let i = 0; i < PACKETS; i++) window.received(PACKET_BYTES);
}

/** Resets until it is too much. */
function resetsUntilExceeded(window: QuicheLostWindow, one: (id: number) => void): number {
  for (let i = 0; i < 10_000; i++) {
    if (window.exceeded) return i;
    one(4 * i);
  }
  return Infinity;
}

test("streams that were read to where they were reset lose nothing, whatever comes of others meanwhile", () => {
  const window = lostWindow();
  const resets = resetsUntilExceeded(window, (id) => {
    packets(window);
    window.read(id, 5000, true);
    assert.equal(window.exceeded, false);
    packets(window);
    window.reset(id);
    window.read(id + 1, 15_000, true);
    window.over(id + 1);
  });
  assert.equal(resets, Infinity);
});

test("what lay unread counts, no more than the stream's window let come", () => {
  const window = lostWindow();
  const unread = (id: number): void => {
    packets(window);
    window.reset(id);
  };
  // 8 KiB each, which is more than a third of the limit.
  assert.equal(resetsUntilExceeded(window, unread), 3);
  assert.equal(window.exceeded, true, "for good");
});

test("a stream that was read may have had more under way", () => {
  const window = lostWindow();
  for (let i = 0; i < 3; i++) {
    packets(window);
    window.read(0, 10_000, true);
    assert.equal(window.exceeded, false);
  }
  packets(window);
  packets(window);
  window.reset(0);
  assert.equal(window.exceeded, true);
});

test("what came before all was read is no loss, nor what somebody read late", () => {
  const window = lostWindow();
  for (let i = 0; i < 10; i++) packets(window);
  window.allRead();
  for (let id = 0; id < 400; id += 4) window.reset(id);
  assert.equal(window.exceeded, false);
});

test("where no limit is set, nothing is counted", () => {
  const window = lostWindow(Infinity);
  const resets = resetsUntilExceeded(window, (id) => {
    packets(window);
    window.reset(id);
  });
  assert.equal(resets, Infinity);
});
