import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { type Log, silentLog } from "../../base/log.ts";
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import { tellHandshakeFailure } from "./quic-failure.ts";

const CLIENT = { remoteAddress: "192.0.2.1" };
const CLOSE: QuicClose = { by: "peer", application: false, code: 0, reason: "what a client wrote" };

/** What is told of a handshake that ended so: level and reason, or nothing; and what was counted. */
function told(close: Partial<QuicClose>): string {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (fields: object): void => {
      const { listener, client_ip, reason } = fields as Record<string, string>;
      assert.deepEqual([listener, client_ip], ["web", "192.0.2.1"]);
      lines.push(`${level}: ${reason}`);
    };
  const log: Log = { ...silentLog, debug: note("debug"), info: note("info") };
  const gateway = new MemoryGateway({}, log);
  tellHandshakeFailure(gateway.context, "web", CLIENT, { ...CLOSE, ...close });
  const failures = gateway.global("tls_handshake_failures_total");
  const timeouts = gateway.global("tls_handshake_timeouts_total");
  return `${lines.join()} (${failures}, ${timeouts})`;
}

test("a handshake that failed is told with its reason, in our own words", () => {
  // bad_certificate and handshake_failure (RFC 8446 section 6.2)
  assert.equal(told({ code: 0x12a }), "info: the client sent TLS alert 42 (1, 0)");
  assert.equal(told({ by: "local", code: 0x128 }), "info: we sent TLS alert 40 (1, 0)");
  assert.equal(told({ code: 0x0a }), "debug: the client sent error 0xa (1, 0)");
  assert.equal(told({}), "debug: the client sent error 0x0 (1, 0)");
  assert.equal(told({ by: "reset" }), "debug: stateless reset (1, 0)");
  assert.equal(told({ code: 0x12a, application: true }), "debug: the client sent error 0x12a (1, 0)");
});

test("one that took too long is counted apart", () => {
  assert.equal(told({ by: "timeout", reason: "" }), "info: it took too long (0, 1)");
  assert.equal(told({ by: "local", reason: "handshake timeout" }), "info: it took too long (0, 1)");
});

test("one that ended because everything does is none", () => {
  assert.equal(told({ by: "local", reason: "" }), " (0, 0)");
});
