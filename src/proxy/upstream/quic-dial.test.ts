import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { CertificateAuthority } from "../../../test/support/certificates.ts";
import { H3Scene, TELLS_UNREACHABLE } from "../../../test/support/h3-scene.ts";
import type { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get } from "../../../test/support/memory-http.ts";
import { backendsOf, type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";
import { NotingOwner } from "../../../test/support/quic-owners.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { Fault } from "../../base/fault.ts";
import { BackendTlsError } from "./backend-contexts.ts";
import { quicDial } from "./quic-dial.ts";

const BOUND = { timeout: 30_000 };

let scene: H3Scene;

beforeEach(async () => {
  scene = await H3Scene.open();
});

afterEach(() => scene.close());

async function failed(gateway: MemoryGateway): Promise<RecordingSink> {
  const sink = sendTo(gateway, get("/"));
  await waitFor("the end", () => sink.fault !== null || sink.events.includes("end"));
  return sink;
}

/** A port that swallows what comes, and how to let it go. */
async function silentPort(): Promise<{ port: number; close: () => Promise<void> }> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const close = async (): Promise<void> => {
    socket.close();
    await once(socket, "close");
  };
  return { port: socket.address().port, close };
}

test("a certificate for another name is refused", BOUND, async () => {
  const backend = await scene.backend({ names: ["other.internal"] });
  const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
  const { fault } = await failed(gateway);
  assert.equal(fault?.code, "upstream_tls_failed");
  assert.equal(fault?.row.status, 502);
  assert.equal(gateway.global("upstream_tls_handshake_failures_total"), 1);
  assert.equal(backend.requests.length, 0);
  assertClean(gateway);
});

test("a certificate of an authority that is not trusted is refused", BOUND, async () => {
  const backend = await scene.backend();
  scene.caPem = new CertificateAuthority("Another Authority").rootPem;
  const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
  const { fault } = await failed(gateway);
  assert.equal(fault?.code, "upstream_tls_failed");
  assert.match(fault?.detail ?? "", /QUIC 0x1[0-9a-f]{2}/);
  assertClean(gateway);
});

test("a server that does not speak HTTP/3 is no backend", BOUND, async () => {
  const backend = await scene.backend({ alpn: "echo" });
  const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
  const { fault } = await failed(gateway);
  assert.equal(fault?.code, "upstream_tls_failed");
  assertClean(gateway);
});

test(
  "a port that nobody listens on is refused at once",
  { ...BOUND, skip: TELLS_UNREACHABLE ? false : "the native UDP sockets are not built" },
  async () => {
    const { port, close } = await silentPort();
    await close();
    const gateway = scene.gateway([`h3://127.0.0.1:${port}`]);
    const { fault } = await failed(gateway);
    assert.equal(fault?.code, "connect_refused");
    assert.equal(fault?.detail, "ECONNREFUSED");
    assertClean(gateway);
  },
);

test("a server that says nothing costs the connect timeout", BOUND, async () => {
  const { port, close } = await silentPort();
  const gateway = scene.gateway([`h3://127.0.0.1:${port}`]);
  const sink = sendTo(gateway, get("/"));
  gateway.advance(4900);
  assert.deepEqual(sink.events, []);
  gateway.advance(200);
  assert.deepEqual(sink.events, ["connect_timeout"]);
  assert.equal(sink.fault?.row.status, 504);
  assert.equal(gateway.global("backend_connect_timeout_total"), 1);
  assertClean(gateway);
  await close();
});

test("what was meant for a backend that cannot be reached goes to another one", BOUND, async () => {
  const wrong = await scene.backend({ names: ["other.internal"] });
  const fine = (await scene.backend()).echo();
  const gateway = scene.gateway([`h3://127.0.0.1:${wrong.port}`, `h3://127.0.0.1:${fine.port}`]);
  const sink = await failed(gateway);
  assert.deepEqual(sink.events, ["200", "end"]);
  assert.equal(gateway.global("upstream_retries_total"), 1);
  assertClean(gateway);
});

test("settings that the engine refuses are found when the plan is compiled", BOUND, async () => {
  // It verifies the name that it sends, and no other one.
  scene.settings = { verifyName: "another.internal" };
  assert.throws(() => scene.gateway(["h3://127.0.0.1:1"]), {
    name: BackendTlsError.name,
    message: /backend "127\.0\.0\.1:1": QUIC: .*"another\.internal"/,
  });
});

test("a relay dials with the protocol of its client, whatever it is", BOUND, async () => {
  const backend = await scene.backend({ alpn: "private/1", names: ["app.internal"] });
  const gateway = scene.gateway([`quic://127.0.0.1:${backend.port}`]);
  const [target] = backendsOf(gateway);
  assert.ok(target !== undefined);
  for (let round = 0; round < 20; round++) {
    const owner = new NotingOwner();
    const alpn = round === 19 ? "private/1" : `unknown/${round}`;
    const link = quicDial(target, [alpn], owner);
    assert.ok(!(link instanceof Fault));
    owner.link = link;
    await waitFor("the handshake's end", () => owner.established || owner.closed !== null);
    assert.equal(owner.established, round === 19);
    link.abandon();
  }
  const refused = quicDial(target, ["x".repeat(300)], new NotingOwner());
  assert.ok(refused instanceof Fault);
  assert.equal(refused.code, "connect_failed");
  assertClean(gateway);
});

test("a name without an address is a fault", BOUND, () => {
  const gateway = scene.gateway(["quic://nowhere.internal:443"], {
    resolved: { "nowhere.internal": [] },
  });
  const [target] = backendsOf(gateway);
  assert.ok(target !== undefined);
  const fault = quicDial(target, ["h3"], new NotingOwner());
  assert.ok(fault instanceof Fault);
  assert.equal(fault.code, "name_unresolved");
});
