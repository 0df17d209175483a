import assert from "node:assert/strict";
import { test } from "node:test";
import { mayReceive, maySend, nextState, StreamEvent, StreamState } from "./stream-state.ts";

test("END_STREAM of both sides closes a stream, in either order", () => {
  let state = nextState(StreamState.idle, StreamEvent.open);
  assert.ok(maySend(state) && mayReceive(state));
  state = nextState(state, StreamEvent.receiveEnd);
  assert.ok(maySend(state) && !mayReceive(state));
  assert.equal(nextState(state, StreamEvent.sendEnd), StreamState.closed);
  state = nextState(StreamState.open, StreamEvent.sendEnd);
  assert.ok(!maySend(state) && mayReceive(state));
  assert.equal(nextState(state, StreamEvent.receiveEnd), StreamState.closed);
});

test("a reset closes from everywhere but idle and closed", () => {
  for (const state of [StreamState.open, StreamState.halfClosedLocal, StreamState.halfClosedRemote])
    assert.equal(nextState(state, StreamEvent.reset), StreamState.closed);
});

test("a transition that is not in the table is our own mistake", () => {
  const wrong = [
    [StreamState.idle, StreamEvent.sendEnd],
    [StreamState.open, StreamEvent.open],
    [StreamState.halfClosedLocal, StreamEvent.sendEnd],
    [StreamState.halfClosedRemote, StreamEvent.receiveEnd],
    [StreamState.closed, StreamEvent.reset],
  ] as const;
  for (const [state, event] of wrong)
    assert.throws(() => nextState(state, event), { name: "AssertionFailure" });
});
