/** `[[listeners.backends]]`, `[[services.NAME.backends]]` and those of revisions. Feature rows A3.8, A3.9, A5.1, A5.16, B29. */
import { boolean, integer, oneOf, string, table, tables } from "../define.ts";
import { backendAddress, backendUrl, filePath, hostName, hostOrAddress } from "../format.ts";
import { MAX_BACKENDS, MAX_U32 } from "./bounds.ts";

export const BACKEND_PROTOCOLS = ["tcp", "h1", "h2", "auto", "h3", "udp"] as const;

export const backendSchema = table({
  doc: "One backend.",
  renamed: {
    host: 'write address = "host:port"',
    port: 'write address = "host:port"',
    server: 'did you mean "address"?',
  },
  fields: {
    address: string({
      format: backendAddress,
      doc: "Where the backend listens: `host:port` with a name, an IPv4 address or a bracketed IPv6 address, or `unix:/path` for a Unix socket. Names are resolved at start and again at every `[dns].refresh_interval_ms`. Required, unless `url` is given.",
      example: '"10.0.0.5:8080"',
    }),
    url: string({
      format: backendUrl,
      doc: "The other spelling of `address` and `protocol` in one: `http://` (HTTP/1.1), `h2c://` (HTTP/2 without TLS), `https://` (TLS, with HTTP/2 or HTTP/1.1 as ALPN says) or `tcp://`, with host and port and without a path. The port defaults to 80, and to 443 for `https`. Excludes `address`.",
      example: '"http://10.0.0.5:8080"',
    }),
    protocol: oneOf({
      values: BACKEND_PROTOCOLS,
      defaultText:
        "`h1` behind HTTP (`auto` with TLS), `tcp` behind a `tcp` or `tls` listener, `udp` behind a `udp` listener, or what `url` says",
      doc: "What is spoken to the backend: `h1` HTTP/1.1; `h2` HTTP/2, without TLS by prior knowledge; `auto` HTTP/2 or HTTP/1.1, as the backend chooses by ALPN (needs TLS); `h3` HTTP/3 over QUIC; `tcp` plain bytes; `udp` datagrams. Behind an HTTP listener `tcp` is the older spelling of `h1`.",
      example: '"h1"',
    }),
    weight: integer({
      min: 1,
      max: MAX_U32,
      default: 1,
      zeroRefused: "a backend of weight 0 would get no request: remove it from the list instead",
      doc: "Share of the traffic, relative to the other backends. Counts in the weighted strategies; among a listener's own backends it always counts.",
      example: "3",
    }),
    tls: boolean({
      defaultText: "`true` for `https://` and for `h3`, else `false`",
      doc: "Whether TLS (1.2 or 1.3) is spoken to the backend. `h3` always has it (1.3).",
      example: "true",
    }),
    tls_ca_path: string({
      format: filePath,
      defaultText: "the authorities that the runtime trusts",
      doc: "PEM file of the authorities that may have signed the backend's certificate. Required for `h3` unless `tls_verify_peer = false`.",
      example: '"/etc/expressgateway/tls/backend-ca.pem"',
    }),
    tls_verify_hostname: string({
      format: hostOrAddress,
      defaultText: "the host of the address",
      doc: "The name, or the address, that the backend's certificate must be for. A name is sent as SNI too, unless `tls_server_name` says otherwise.",
      example: '"backend.internal"',
    }),
    tls_server_name: string({
      format: hostName,
      defaultText: "`tls_verify_hostname`, unless it is an address",
      doc: "The name that is sent as SNI, where it must differ from the one in the certificate. With `h3` it cannot differ, unless nothing is verified.",
      example: '"edge.internal"',
    }),
    tls_verify_peer: boolean({
      default: true,
      doc: "Whether the backend's certificate is verified.",
      note: "`false` accepts any certificate: whoever can redirect the traffic can read and change it.",
      example: "true",
    }),
    tls_client_cert_path: string({
      format: filePath,
      doc: "PEM file with the certificate, and its chain, that is shown to backends which ask for one. Needs `tls_client_key_path`. Not for `h3`.",
      example: '"/etc/expressgateway/tls/gateway.pem"',
    }),
    tls_client_key_path: string({
      format: filePath,
      doc: "PEM file with its private key (mode 0600).",
      example: '"/etc/expressgateway/tls/gateway.key"',
    }),
  },
});

export function backendTables(doc: string) {
  return tables({ doc, item: backendSchema, maxItems: MAX_BACKENDS });
}
