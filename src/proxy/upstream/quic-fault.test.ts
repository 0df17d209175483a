import assert from "node:assert/strict";
import { test } from "node:test";
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import { closeCode, detailOf, dialFault } from "./quic-fault.ts";

function close(by: QuicClose["by"], rest: Partial<QuicClose> = {}): QuicClose {
  return { by, application: false, code: 0, reason: "", ...rest };
}

const REFUSED = close("local", { reason: "ECONNREFUSED" });
const UNREACHABLE = close("local", { reason: "EHOSTUNREACH" });
const BAD_CERTIFICATE = { code: 0x12a, reason: "TLS" };
const NO_PROTOCOL = { code: 0x178 };

test("what a handshake that failed is to those who waited for it", () => {
  for (const [reason, code] of [
    [REFUSED, "connect_refused"],
    [UNREACHABLE, "connect_failed"],
    [close("timeout"), "connect_timeout"],
    [close("reset"), "connect_failed"],
    [close("local", BAD_CERTIFICATE), "upstream_tls_failed"],
    [close("peer", NO_PROTOCOL), "upstream_tls_failed"],
    [close("peer", { code: 2 }), "connect_refused"],
    [close("peer", { code: 1 }), "connect_failed"],
    [close("peer", { application: true, code: 0x12a }), "connect_failed"],
  ] as const)
    assert.equal(dialFault(reason).code, code, detailOf(reason));
});

test("what the end of a connection is to the requests on it", () => {
  for (const [reason, code] of [
    [close("timeout"), "upstream_closed"],
    [close("reset"), "upstream_closed"],
    [close("local"), "upstream_closed"],
    [close("local", { code: 0xa }), "upstream_malformed"],
    [close("peer"), "upstream_closed"],
    [close("peer", { application: true, code: 0x100 }), "upstream_closed"],
    [close("peer", { application: true, code: 0x102 }), "upstream_reset"],
    [close("peer", { code: 0x1 }), "upstream_reset"],
  ] as const)
    assert.equal(closeCode(reason), code, detailOf(reason));
});

test("ends in words", () => {
  assert.equal(detailOf(REFUSED), "closed: ECONNREFUSED");
  assert.equal(detailOf(close("peer", BAD_CERTIFICATE)), "closed by the backend: QUIC 0x12a TLS");
  assert.equal(
    detailOf(close("peer", { application: true, code: 0x102 })),
    "closed by the backend: H3_INTERNAL_ERROR",
  );
  assert.equal(detailOf(close("timeout")), "nothing was heard of the backend");
  assert.equal(detailOf(close("reset")), "stateless reset");
});
