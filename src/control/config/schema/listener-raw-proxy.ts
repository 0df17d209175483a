/** `[listeners.quic.raw_proxy]`: QUIC without HTTP/3, relayed to backends that speak it too. Feature row A10.7. */
import { integer, optionalTable, string, strings } from "../define.ts";
import { filePath, hostName, peerAddress } from "../format.ts";
import { MAX_BACKENDS } from "./bounds.ts";

/** Each datagram may have as many octets as a packet, in each direction of each connection. */
const MAX_QUEUED_DATAGRAMS = 65_536;

export const rawProxySchema = optionalTable({
  doc: "Instead of HTTP/3: relays the streams and datagrams of each connection over a QUIC connection of its own to a backend, with the application protocol (ALPN) that the client prefers. Streams keep their IDs and their codes, windows are bounded on both sides. Excludes `[[listeners.backends]]`, routers, and the keys of `[listeners.quic]` that are about HTTP/3.",
  fields: {
    backend_addr: string({
      format: peerAddress,
      doc: "The backend, `host:port`. Either this or `backends` is required.",
      example: '"10.0.0.10:4443"',
    }),
    backends: strings({
      format: peerAddress,
      minItems: 1,
      maxItems: MAX_BACKENDS,
      doc: "Several backends, each `host:port`; connections go to them in turn. One that cannot be reached is passed over.",
      example: '["10.0.0.10:4443", "10.0.0.11:4443"]',
    }),
    sni: string({
      format: hostName,
      required: true,
      doc: "The name that the backends' certificates must have, and that is sent as SNI.",
      example: '"backend.internal"',
    }),
    backend_ca_path: string({
      format: filePath,
      defaultText: "the authorities that the runtime trusts",
      doc: "PEM file of the authorities that may have signed the backends' certificates. They are always verified.",
      example: '"/etc/expressgateway/tls/backend-ca.pem"',
    }),
    dgram_queue_cap: integer({
      min: 1,
      max: MAX_QUEUED_DATAGRAMS,
      default: 1024,
      doc: "Datagrams queued in each direction of a connection; then the newest is dropped.",
      example: "256",
    }),
    max_relay_streams: integer({
      min: 1,
      max: 1_048_576,
      default: 256,
      doc: "Streams of one connection that are relayed at once, of both kinds and from both sides. One more is reset. A peer is never let open more than 100 of each kind at once.",
      example: "64",
    }),
  },
});
