/** `[listeners.quic]`. Feature rows A10.1 to A10.4, A10.8, A20.14; its parts `listener-quic-http3.ts` and `listener-raw-proxy.ts`. */
import { boolean, duration, integer, oneOf, optionalTable, string, table, tables } from "../define.ts";
import { filePath } from "../format.ts";
import { MAX_CERTIFICATES } from "./bounds.ts";
import { http3Fields, MAX_QUIC_NUMBER } from "./listener-quic-http3.ts";
import { rawProxySchema } from "./listener-raw-proxy.ts";

/** Of one listener in each worker: at 35 KB, the least that a connection takes, they fill 35 GB. */
const MAX_CONNECTIONS = 1_000_000;

const certPath = string({
  format: filePath,
  aliases: ["cert_file"],
  required: true,
  doc: "PEM file with the certificate and its chain: the server's own first, then each one's issuer.",
  example: '"/etc/expressgateway/tls/cert.pem"',
});

const keyPath = string({
  format: filePath,
  aliases: ["key_file"],
  required: true,
  doc: "PEM file with the private key: EC, RSA or Ed25519. Nobody but its owner may have access to the file (mode 0600).",
  example: '"/etc/expressgateway/tls/key.pem"',
});

const certificateSchema = table({
  doc: "One certificate of several. It is shown to clients that ask for one of its DNS names (SNI), as in `[[listeners.tls.certificates]]`. Clients that ask for no name, or for one that no certificate has, are shown that of `[listeners.quic]`.",
  fields: { cert_path: certPath, key_path: keyPath },
});

const addressProof = {
  retry: oneOf({
    values: ["under_load", "always"],
    default: "under_load",
    doc: "When clients must prove their address by a Retry packet (RFC 9000, section 8.1.2) before anything is remembered of them: `always`, or `under_load`, while `retry_half_open_threshold` handshakes or more are under way. It costs them a round trip.",
    example: '"always"',
  }),
  retry_half_open_threshold: integer({
    min: 1,
    max: MAX_CONNECTIONS,
    default: 100,
    doc: "Handshakes under way, in each worker, at which `under_load` begins.",
    example: "1000",
  }),
  max_connections: integer({
    min: 1,
    max: MAX_CONNECTIONS,
    default: 16_384,
    doc: "Connections of this listener at once, in each worker. One more client is refused (CONNECTION_REFUSED).",
    example: "65536",
  }),
  max_half_open: integer({
    min: 1,
    max: MAX_CONNECTIONS,
    default: 4096,
    doc: "Handshakes under way at once, in each worker. One more client is refused. `[runtime].handshake_timeout_ms` bounds each of them.",
    example: "1024",
  }),
} as const;

const transport = {
  max_idle_timeout_ms: duration({
    unit: "ms",
    min: 1,
    max: MAX_QUIC_NUMBER,
    default: 30_000,
    doc: "Time without a packet after which a connection ends (RFC 9000, section 10.1).",
    example: "60000",
  }),
  max_recv_udp_payload_size: integer({
    min: 1200,
    max: 65_527,
    default: 1350,
    unit: "bytes",
    doc: "Largest UDP payload that is accepted (RFC 9000, section 18.2). Our own packets have 1350 bytes at most, and no more than this.",
    example: "1452",
  }),
  early_data: boolean({
    default: false,
    doc: "Lets clients that come back send requests in their first flight (0-RTT; RFC 8446, section 2.3). Only GET, HEAD, OPTIONS and TRACE without a body are taken then, and passed on with `Early-Data: 1` (RFC 8470); others get 425, upon which the client sends them again after the handshake.",
    note: "Early data can be replayed: whoever records a first flight can send it again, to another worker or gateway too. Each worker drops those that it has seen, which is not a proof. Leave it off unless repeating any safe request, at any backend, does no harm. It has no forward secrecy towards whoever gets the file of `retry_secret_path`.",
    example: "true",
  }),
} as const;

export const quicSchema = optionalTable({
  doc: "QUIC of the listener (RFC 9000, version 1). Required for `quic`. HTTP/3 is served, unless `[listeners.quic.raw_proxy]` is there. Certificates and the Retry secret are read at start, at a reload (SIGHUP), at SIGUSR1, and with `[runtime.tls].watch` when a file changes.",
  fields: {
    cert_path: certPath,
    key_path: keyPath,
    certificates: tables({
      doc: "More certificates, for other names.",
      item: certificateSchema,
      maxItems: MAX_CERTIFICATES,
    }),
    retry_secret_path: string({
      format: filePath,
      required: true,
      doc: "File with the 32 bytes that sign Retry tokens, and that the keys of session tickets and of stateless resets are made from. It is made, with mode 0600, when it does not exist; its folder must. Gateways that share an address share it. When another secret is in it, the new one signs at once, and the two before it still verify.",
      example: '"/etc/expressgateway/quic/retry.secret"',
    }),
    ...addressProof,
    ...transport,
    ...http3Fields,
    raw_proxy: rawProxySchema,
  },
});
