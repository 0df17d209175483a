/** `[listeners.quic]` and `[listeners.quic.raw_proxy]`. Feature rows A10.1, A10.7. */
import { duration, integer, optionalTable, string } from "../define.ts";
import { filePath, hostName, peerAddress } from "../format.ts";
import { MAX_TIMER_MS } from "./bounds.ts";

const rawProxySchema = optionalTable({
  doc: "Instead of HTTP/3: relays the streams and datagrams of each connection over a QUIC connection of its own to one backend. Excludes `[[listeners.backends]]`.",
  fields: {
    backend_addr: string({
      format: peerAddress,
      required: true,
      doc: "The backend, `host:port`.",
      example: '"10.0.0.10:4443"',
    }),
    sni: string({
      format: hostName,
      required: true,
      doc: "The name that the backend's certificate must have, and that is sent as SNI.",
      example: '"backend.internal"',
    }),
    backend_ca_path: string({
      format: filePath,
      defaultText: "the system's authorities",
      doc: "PEM file of the authorities that may have signed the backend's certificate. It is always verified.",
      example: '"/etc/expressgateway/tls/backend-ca.pem"',
    }),
    dgram_queue_cap: integer({
      min: 1,
      max: 1_048_576,
      default: 1024,
      doc: "Datagrams queued in each direction of a connection; then the newest is dropped.",
      example: "256",
    }),
    max_relay_streams: integer({
      min: 1,
      max: 1_048_576,
      default: 256,
      doc: "Streams of one connection that are relayed at once.",
      example: "64",
    }),
  },
});

export const quicSchema = optionalTable({
  doc: "QUIC of the listener. Required for `quic`. HTTP/3 is served, unless `[listeners.quic.raw_proxy]` is there.",
  fields: {
    cert_path: string({
      format: filePath,
      aliases: ["cert_file"],
      required: true,
      doc: "PEM file with the certificate and its chain.",
      example: '"/etc/expressgateway/tls/cert.pem"',
    }),
    key_path: string({
      format: filePath,
      aliases: ["key_file"],
      required: true,
      doc: "PEM file with the private key (mode 0600).",
      example: '"/etc/expressgateway/tls/key.pem"',
    }),
    retry_secret_path: string({
      format: filePath,
      required: true,
      doc: "File with the 32 bytes that sign Retry tokens; made with mode 0600 when it does not exist. Gateways that share an address share it.",
      example: '"/etc/expressgateway/quic/retry.secret"',
    }),
    max_idle_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 30_000,
      doc: "Time without a packet after which a connection ends (RFC 9000, section 10.1).",
      example: "60000",
    }),
    max_recv_udp_payload_size: integer({
      min: 1200,
      max: 65_527,
      default: 1350,
      unit: "bytes",
      doc: "Largest UDP payload that is accepted (RFC 9000, section 18.2).",
      example: "1452",
    }),
    raw_proxy: rawProxySchema,
  },
});
