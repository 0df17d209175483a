import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenFiles } from "../../../test/config/golden-files.ts";
import { KEY_LOG_PATH, planFromToml, QUIC_KEYS } from "../../../test/support/plan-from-toml.ts";
import { checkTransport } from "../../fastpath/quiche-transport.ts";
import type { ListenerPlan } from "../../proxy/plan.ts";
import type { QuicPlan } from "../../proxy/quic-plan.ts";

const FILES = goldenFiles();

function textOf(path: string): string {
  const content = FILES.read(path);
  assert.ok(content.kind === "content");
  return content.bytes.toString();
}

const HEAD = `
[[listeners]]
name = "q"
address = "127.0.0.1:443"
protocol = "quic"
`;
const QUIC = `[listeners.quic]
cert_path = "/tls/good.pem"
key_path = "/tls/good.key"
retry_secret_path = "/quic/retry.secret"
`;
const BACKEND = 'backends = [{ address = "10.0.0.1:80" }]\n';

function listenerOf(toml: string): ListenerPlan & { readonly quic: QuicPlan } {
  const [listener] = planFromToml(toml, FILES).listeners;
  assert.ok(listener !== undefined && listener.quic !== null);
  return { ...listener, quic: listener.quic };
}

test("what a listener with HTTP/3 is when the file says nothing more", () => {
  const { protocol, tls, quic, altSvc } = listenerOf(HEAD + BACKEND + QUIC);
  assert.deepEqual([protocol, tls, altSvc], ["quic", null, ""]);
  const { identities, ...rest } = quic;
  assert.deepEqual(identities, [
    {
      certPem: textOf("/tls/good.pem"),
      keyPem: textOf("/tls/good.key"),
      names: ["good.example", "*.good.example"],
    },
  ]);
  assert.deepEqual(rest, {
    transport: {
      maxIdleTimeoutMs: 30_000,
      maxReceivePayloadBytes: 1350,
      maxSendPayloadBytes: 1350,
      connectionWindowBytes: 10_485_760,
      streamWindowBytes: 1_048_576,
      maxBidirectionalStreams: 128,
      maxUnidirectionalStreams: 16,
      disableActiveMigration: true,
      maxQueuedDatagrams: 0,
      congestionControl: "cubic",
    },
    alpn: ["h3"],
    ...QUIC_KEYS,
    earlyData: false,
    keyLogPath: KEY_LOG_PATH,
    retry: { kind: "under-load", halfOpenThreshold: 100 },
    maxConnections: 16_384,
    maxHalfOpen: 4096,
    maxRequests: 1000,
    maxFieldSectionBytes: 65_536,
    qpackTableBytes: 0,
    qpackBlockedStreams: 0,
    qpackEncoderTableBytes: 0,
    rawProxy: null,
  });
});

test("every key of the file has its place in the plan", () => {
  const { quic, websocket } = listenerOf(
    `${HEAD}${BACKEND}websocket = { h3_extended_connect = true }\n${QUIC}
    max_idle_timeout_ms = "1m"
    max_recv_udp_payload_size = 1252
    retry = "always"
    max_connections = 7
    max_half_open = 6
    early_data = true
    active_migration = true
    initial_connection_window_size = 20000
    initial_stream_window_size = 10000
    max_concurrent_bidi_streams = 5
    max_concurrent_uni_streams = 4
    congestion_control = "bbr"
    max_field_section_size = 2048
    qpack_max_table_capacity = 300
    qpack_blocked_streams = 8
    qpack_encoder_table_capacity = 200
    [[listeners.quic.certificates]]
    cert_path = "/tls/shop.pem"
    key_path = "/tls/shop.key"
    [runtime]
    max_requests_per_h3_connection = 0`,
  );
  const { transport, identities } = quic;
  assert.deepEqual(transport, {
    maxIdleTimeoutMs: 60_000,
    maxReceivePayloadBytes: 1252,
    maxSendPayloadBytes: 1252,
    connectionWindowBytes: 20_000,
    streamWindowBytes: 10_000,
    maxBidirectionalStreams: 5,
    maxUnidirectionalStreams: 4,
    disableActiveMigration: false,
    maxQueuedDatagrams: 0,
    congestionControl: "bbr",
  });
  assert.deepEqual(
    identities.map(({ names }) => names),
    [["good.example", "*.good.example"], ["shop.example"]],
  );
  assert.deepEqual([quic.retry, quic.maxConnections, quic.maxHalfOpen], [{ kind: "always" }, 7, 6]);
  assert.deepEqual([quic.earlyData, quic.maxRequests, quic.maxFieldSectionBytes], [true, 0, 2048]);
  const { qpackTableBytes, qpackBlockedStreams, qpackEncoderTableBytes } = quic;
  assert.deepEqual([qpackTableBytes, qpackBlockedStreams, qpackEncoderTableBytes], [300, 8, 200]);
  assert.equal(websocket.h3ExtendedConnect, true);
});

test("WebSocket that is off is off over HTTP/3, too", () => {
  const { websocket } = listenerOf(
    `${HEAD}${BACKEND}websocket = { enabled = false, h3_extended_connect = true }\n${QUIC}`,
  );
  assert.equal(websocket.h3ExtendedConnect, false);
});

test("a raw proxy mirrors ALPN, has bounded windows on both sides, and a route to its backends", () => {
  const plan = planFromToml(
    `${HEAD}${QUIC}max_idle_timeout_ms = 5000
    max_recv_udp_payload_size = 1452
    [listeners.quic.raw_proxy]
    backends = ["a.test:4443", "[::1]:4443"]
    sni = "b.test."
    backend_ca_path = "/tls/ca.pem"
    dgram_queue_cap = 9
    max_relay_streams = 30`,
    FILES,
  );
  const [listener] = plan.listeners;
  assert.deepEqual(listener?.quic?.alpn, []);
  assert.deepEqual(listener.quic.rawProxy, { maxStreams: 30 });
  const { transport } = listener.quic;
  const { maxIdleTimeoutMs, maxReceivePayloadBytes, maxSendPayloadBytes, maxQueuedDatagrams } = transport;
  assert.deepEqual(
    [maxIdleTimeoutMs, maxReceivePayloadBytes, maxSendPayloadBytes, maxQueuedDatagrams],
    [5000, 1452, 1350, 9],
  );
  assert.equal(transport.maxBidirectionalStreams, 30);
  assert.deepEqual(
    plan.routes.map(({ name, rule, listeners, service }) => [name, rule.kind, listeners, service]),
    [["q", "all", [0], 0]],
  );
  const [service] = plan.services;
  assert.deepEqual(
    service?.backends.map(({ address, host, port, protocol }) => [address, host, port, protocol]),
    [
      ["a.test:4443", "a.test", 4443, "quic"],
      ["[::1]:4443", "::1", 4443, "quic"],
    ],
  );
  for (const { quic, tls } of service.backends) {
    assert.deepEqual(quic, transport, "both sides alike");
    assert.deepEqual(tls, {
      minVersion: "TLSv1.3",
      alpn: [],
      caPem: textOf("/tls/ca.pem"),
      verifyPeer: true,
      serverName: "b.test",
      verifyName: "b.test",
      identity: null,
      keyLogPath: KEY_LOG_PATH,
    });
  }
});

test("the engine takes what the edges of the ranges make", () => {
  const edges = [
    "max_idle_timeout_ms = 1073741823\nmax_recv_udp_payload_size = 65527\ninitial_connection_window_size = 1073741823\ninitial_stream_window_size = 1073741823\nmax_concurrent_bidi_streams = 16383\nmax_concurrent_uni_streams = 16383\n",
    "max_idle_timeout_ms = 1\nmax_recv_udp_payload_size = 1200\ninitial_connection_window_size = 16384\ninitial_stream_window_size = 1024\nmax_concurrent_bidi_streams = 1\nmax_concurrent_uni_streams = 3\n",
  ];
  for (const edge of edges) checkTransport(listenerOf(HEAD + BACKEND + QUIC + edge).quic.transport);
  const raw = '[listeners.quic.raw_proxy]\nbackend_addr = "a.test:1"\nsni = "a.test"\n';
  for (const edge of [
    "max_relay_streams = 1\ndgram_queue_cap = 1",
    "max_relay_streams = 1048576\ndgram_queue_cap = 65536",
  ])
    checkTransport(listenerOf(`${HEAD}${QUIC}${raw}${edge}`).quic.transport);
  const [backend] =
    planFromToml(
      `${HEAD}${QUIC}[[listeners.backends]]\naddress = "a.test:1"\nprotocol = "h3"\ntls_ca_path = "/tls/ca.pem"`,
      FILES,
    ).services[0]?.backends ?? [];
  assert.ok(backend?.quic);
  checkTransport(backend.quic);
});
