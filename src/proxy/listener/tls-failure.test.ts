import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get } from "../../../test/support/memory-http.ts";
import { secureListener } from "../../../test/support/memory-tls.ts";

test("a TLS connection that fails behind its handshake is counted, and its reason is in the log", () => {
  for (const alpn of ["h2", "http/1.1"]) {
    for (const [error, failures] of [
      ["tls: too many key updates", 1],
      ["ECONNRESET", 0],
      ["", 0],
    ] as const) {
      const gateway = new MemoryGateway({ listener: secureListener() });
      const reasons: unknown[] = [];
      Object.assign(gateway.context, {
        log: { ...gateway.context.log, debug: (fields: { reason?: string }) => reasons.push(fields.reason) },
      });
      const client = gateway.client();
      client.handshake({ alpn });
      if (alpn === "http/1.1") client.send(get("/"));
      client.fail(error);
      assert.equal(gateway.global("tls_connection_failures_total"), failures, `${alpn} ${error}`);
      assert.equal(reasons.includes("too many key updates"), failures === 1, `${alpn} ${error}`);
      assert.equal(gateway.global("tls_handshake_failures_total"), 0);
      assertClean(gateway, client);
    }
  }
});
