/** `[passthrough]`. Feature row A10.5. */
import { boolean, duration, integer, optionalTable, string, strings } from "../define.ts";
import { filePath, listenAddress, peerAddress } from "../format.ts";
import { MAX_BACKENDS, MAX_TIMER_MS, MAX_TIMER_S } from "./bounds.ts";

export const passthroughSchema = optionalTable({
  doc: "QUIC without decryption: packets go to a backend by their connection ID, TLS stays between client and backend. Needs no listener.",
  fields: {
    bind_addr: string({
      format: listenAddress,
      required: true,
      doc: "UDP address to listen on.",
      example: '"0.0.0.0:8443"',
    }),
    backends: strings({
      format: peerAddress,
      required: true,
      minItems: 1,
      maxItems: MAX_BACKENDS,
      doc: "The backends, chosen by Maglev hashing of the connection ID.",
      example: '["10.0.0.10:4443", "10.0.0.11:4443"]',
    }),
    retry_secret_path: string({
      format: filePath,
      required: true,
      doc: "File with the 32 bytes that sign Retry tokens; made with mode 0600 when it does not exist.",
      example: '"/etc/expressgateway/quic/passthrough-retry.secret"',
    }),
    max_quic_connections: integer({
      min: 1,
      max: 2_000_000,
      default: 100_000,
      doc: "Connections at once. The table of connection IDs has twice as many entries.",
      example: "10000",
    }),
    min_client_dcid_len: integer({
      min: 8,
      max: 20,
      default: 8,
      unit: "bytes",
      doc: "Shortest connection ID that a client may choose; shorter ones could collide.",
      example: "12",
    }),
    per_flow_backlog: integer({
      min: 1,
      max: 8192,
      default: 32,
      doc: "Datagrams queued for one connection; then the newest is dropped.",
      example: "64",
    }),
    strict_source_binding: boolean({
      default: false,
      doc: "Drops packets of a known connection that come from another address.",
      note: "`true` breaks connections whose client changes its network or sits behind a rebinding NAT; `false` accepts packets of a connection from anywhere.",
      example: "true",
    }),
    audit_throttle_window_secs: duration({
      unit: "s",
      min: 1,
      max: MAX_TIMER_S,
      default: 60,
      doc: "Refused packets of one kind are reported once in this time.",
      example: "10",
    }),
    max_dcid_len_routed: integer({
      min: 1,
      max: 20,
      default: 20,
      unit: "bytes",
      doc: "Length of connection ID that is tried first for packets with a short header.",
      example: "16",
    }),
    mint_retry: boolean({
      default: true,
      doc: "Answers the first packet of a connection with a Retry, which proves the client's address.",
      note: "`false` lets a flood with forged addresses through to the backends.",
      example: "true",
    }),
    flow_idle_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 60_000,
      zeroMeans: "never",
      doc: "Time without a packet after which a connection is forgotten.",
      note: "0 forgets only when the table is full, the least recently used first.",
      example: "30000",
    }),
  },
});
