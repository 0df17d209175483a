import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clientSettings,
  identity,
  LARGEST,
  Network,
  serverSettings,
  transportSettings,
} from "./quic-engine-peers.contract.ts";
import { testQuicEngine } from "./quic-engine.contract.ts";
import { loadQuiche } from "./quiche-binding.ts";
import type { QuicheClientContext } from "./quiche-context.ts";
import { loadQuicEngine } from "./quiche-engine.ts";
import { clampCode, quicheFailure } from "./quiche-errors.ts";
import { MAX_QUIC_INTEGER } from "./quic-engine.ts";

const load = await loadQuicEngine();
if (load.kind === "loaded") {
  const { engine } = load;
  testQuicEngine({
    name: engine.name,
    engine,
    offerEarlyData: (context) => (context as QuicheClientContext).config.enableEarlyData(),
  });

  test("a name that is not sent cannot be verified in place of one that is", () => {
    for (const verifyName of ["", "other.example.test", "192.0.2.1"])
      assert.throws(() => engine.client(clientSettings({ verifyName })), /SNI/);
  });

  test("all transport parameters have room, however large they are", () => {
    const server = engine.server(serverSettings({ transport: transportSettings(LARGEST) }));
    const client = engine.client(clientSettings());
    const network = new Network(engine, server, client);
    // Too late to be believed by the client, but the server says it as it would after a Retry.
    network.originalDcid = Buffer.alloc(20, 1);
    const [initial] = network.packetsOf(network.client);
    assert.ok(initial !== undefined);
    network.toServer(initial);
    assert.equal(network.server.closeReason, null);
    assert.ok(network.packetsOf(network.server).length > 0);
  });

  test("keys that it cannot sign with are refused in words", async () => {
    const { generateKeyPairSync } = await import("node:crypto");
    const { privateKey } = generateKeyPairSync("rsa-pss", { modulusLength: 2048 });
    const keyPem = privateKey.export({ type: "pkcs8", format: "pem" });
    const of = { certPem: identity.certPem, keyPem };
    assert.throws(() => engine.server(serverSettings({ identity: of })), /rsa-pss/);
  });
} else {
  test("the QUIC engine", { skip: load.reason }, () => {});
}

test("a machine without the native part is told in words", async () => {
  const missing = await loadQuiche(() => Promise.reject(new Error("Failed requiring\nmore")));
  assert.equal(missing.kind, "missing");
  assert.ok(missing.kind === "missing");
  assert.equal(
    missing.reason,
    `there is no QUIC engine for ${process.platform}-${process.arch} (@matrixai/quic: Failed requiring)`,
  );
});

test("errors of the binding are values", () => {
  const failureOf = (text: string): unknown => quicheFailure(new Error(text));
  assert.deepEqual(failureOf("StreamReset(268)"), { kind: "reset", code: 268 });
  assert.deepEqual(failureOf("StreamStopped(0)"), { kind: "stopped", code: 0 });
  assert.deepEqual(failureOf("StreamReset(4611686018427387903)"), { kind: "reset", code: MAX_QUIC_INTEGER });
  assert.deepEqual(failureOf("InvalidStreamState(4)"), { kind: "no-stream" });
  assert.deepEqual(failureOf("FinalSize"), { kind: "no-stream" });
  assert.deepEqual(failureOf("StreamLimit"), { kind: "blocked" });
  assert.deepEqual(failureOf("Done"), { kind: "blocked" });
  assert.deepEqual(failureOf("TlsFail"), { kind: "other", text: "TlsFail" });
  assert.equal(clampCode(-1), MAX_QUIC_INTEGER);
  assert.equal(clampCode(Number.NaN), MAX_QUIC_INTEGER);
});
