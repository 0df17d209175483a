import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_SESSIONS, QuicheSessions } from "./quiche-sessions.ts";
import { address } from "./quic-engine-peers.contract.ts";

test("the last session of an address is remembered, of so many addresses", () => {
  const sessions = new QuicheSessions();
  const at = (port: number) => address("192.0.2.1", port);
  for (let port = 0; port <= MAX_SESSIONS; port++) sessions.remember(at(port), Buffer.from([port & 0xff]));
  assert.equal(sessions.of(at(0)), undefined);
  assert.deepEqual(sessions.of(at(1)), Buffer.from([1]));
  sessions.remember(at(1), Buffer.from("newer"));
  sessions.remember(at(5000), Buffer.from("another"));
  assert.deepEqual(sessions.of(at(1)), Buffer.from("newer"));
  assert.equal(sessions.of(at(2)), undefined);
  assert.equal(sessions.of(address("192.0.2.2", 1)), undefined);
});
