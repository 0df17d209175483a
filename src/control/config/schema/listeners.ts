/** `[[listeners]]`. Feature rows A2.1 to A2.7, A2.13, A16.6. */
import { duration, integer, oneOf, string, strings, table, tables } from "../define.ts";
import { cidr, label, listenAddress } from "../format.ts";
import { backendTables } from "./backends.ts";
import { MAX_LISTENERS, MAX_TIMER_MS, MAX_TIMER_S } from "./bounds.ts";
import { altSvcSchema, h2SecuritySchema, httpSchema } from "./listener-http.ts";
import { quicSchema } from "./listener-quic.ts";
import { tlsSchema } from "./listener-tls.ts";
import { grpcSchema, websocketSchema } from "./listener-tunnel.ts";

export const LISTENER_PROTOCOLS = ["tcp", "tls", "h1", "h1s", "quic", "udp"] as const;

const listenerSchema = table({
  doc: "One listener.",
  renamed: {
    bind: 'did you mean "address"?',
    port: 'write address = "0.0.0.0:8080"',
    routes: "routes are [routers.NAME] blocks",
  },
  fields: {
    name: string({
      format: label,
      defaultText: "the address; for `quic` and `udp` with `/udp` behind it",
      doc: "Name in routers, metrics and logs.",
      example: '"web"',
    }),
    address: string({
      format: listenAddress,
      required: true,
      doc: "Where to listen: `host:port` with a numeric address or `localhost`. `0.0.0.0` is every IPv4 address, `[::]` every address; IPv6 addresses stand in brackets. Port 0 takes any free port.",
      example: '"0.0.0.0:8080"',
    }),
    protocol: oneOf({
      values: LISTENER_PROTOCOLS,
      required: true,
      refused: {
        http: 'plain HTTP/1.1 is "h1", HTTP over TLS is "h1s".',
        https: 'HTTP over TLS is "h1s".',
        h2: 'HTTP/2 is served by "h1s", which negotiates it by ALPN, and by "h1" to clients that know it.',
        h3: 'HTTP/3 is served by "quic".',
      },
      doc: "What is served: `h1` HTTP/1.1, and HTTP/2 by prior knowledge; `h1s` HTTP/2 and HTTP/1.1 over TLS, by ALPN; `quic` HTTP/3, or other protocols over QUIC that are relayed; `tcp` and `udp` relay bytes and datagrams; `tls` ends TLS and relays the bytes.",
      example: '"h1"',
    }),
    backends: backendTables(
      "The listener's own backends: what no router takes goes to them, in turn and by weight. For `tcp`, `tls` and `udp` they are the only way. Not with `[listeners.quic.raw_proxy]`, which names its own.",
    ),
    tls: tlsSchema,
    quic: quicSchema,
    http: httpSchema,
    alt_svc: altSvcSchema,
    h2_security: h2SecuritySchema,
    websocket: websocketSchema,
    grpc: grpcSchema,
    drain_timeout_ms: duration({
      unit: "ms",
      min: 100,
      max: 300_000,
      defaultText: "`[runtime].drain_timeout_ms`",
      doc: "Time that this listener's connections have to finish when the gateway stops or the listener goes away.",
      example: "30000",
    }),
    drain_jitter_ms: duration({
      unit: "ms",
      min: 0,
      max: 300_000,
      defaultText: "`[runtime].drain_jitter_ms`, at most the drain timeout",
      doc: "Connections are told to finish at random moments within this time, so that clients do not come back all at once. At most the drain timeout.",
      note: "0 tells all of them at once.",
      example: "1000",
    }),
    max_connections: integer({
      min: 1,
      max: 2_000_000,
      defaultText: "no cap but `[runtime].max_inflight_connections`",
      doc: "Connections of this listener at once; one more is closed. Not for `udp` and `quic`.",
      example: "100",
    }),
    relay_idle_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 600_000,
      doc: "Time without a byte in either direction after which a relayed connection is reset. Keep it above the interval of the keep-alives in the protocol that is relayed. For `tls`.",
      example: '"1h"',
    }),
    tcp_allowed_ips: strings({
      format: cidr,
      default: [],
      defaultText: "everybody",
      doc: "Addresses and CIDR blocks that may connect; others are closed. Not for `udp` and `quic`.",
      example: '["10.0.0.0/8", "::1"]',
    }),
    udp_session_timeout_secs: duration({
      unit: "s",
      min: 1,
      max: MAX_TIMER_S,
      default: 30,
      doc: "Time without a datagram after which a client's session ends. For `udp`.",
      example: "10",
    }),
    udp_max_sessions: integer({
      min: 1,
      max: 2_000_000,
      default: 10_000,
      doc: "Clients with a session at once; over it, expired ones go, else the datagram is dropped. For `udp`.",
      example: "100000",
    }),
  },
});

export const listenersSchema = tables({
  doc: "Where the gateway listens. At least one is needed, or `[passthrough]`.",
  item: listenerSchema,
  maxItems: MAX_LISTENERS,
});
