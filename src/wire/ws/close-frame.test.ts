import assert from "node:assert/strict";
import { test } from "node:test";
import { CLOSE, closeText, readFrames } from "../../../test/support/ws-frames.ts";
import { CloseCode } from "./close-code.ts";
import { closeFrame } from "./close-frame.ts";

test("a Close frame to a client is not masked, one to a server is, whatever the key", () => {
  for (const mask of [null, 0, 1, 0x0102_0304, 0x8000_0000, 0xffff_ffff]) {
    const bytes = closeFrame(CloseCode.goingAway, "shutting down", mask);
    const { frames, rest } = readFrames(bytes);
    assert.equal(rest.length, 0);
    const [frame] = frames;
    assert.ok(frame !== undefined && frames.length === 1);
    assert.equal(frame.opcode, CLOSE);
    assert.equal(frame.fin, true);
    assert.equal(frame.rsv, 0);
    assert.equal(frame.masked, mask !== null);
    assert.equal(closeText(frame), "1001 shutting down");
  }
});

test("the bytes are those of RFC 6455", () => {
  assert.deepEqual(closeFrame(CloseCode.protocolError, "", null), Buffer.from("880203ea", "hex"));
  assert.deepEqual(
    closeFrame(CloseCode.protocolError, "x", 0x0102_0304),
    Buffer.from("88830102030402e87b", "hex"),
  );
});

test("a reason may be as long as a control frame lets it", () => {
  assert.equal(closeFrame(CloseCode.messageTooBig, "x".repeat(123), null).length, 127);
  assert.throws(() => closeFrame(CloseCode.messageTooBig, "x".repeat(124), null), /too long/);
});
