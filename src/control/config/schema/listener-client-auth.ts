/** The keys of `[listeners.tls]` about certificates of clients (mTLS). Feature row B23. */
import { oneOf, string } from "../define.ts";
import { filePath } from "../format.ts";

export const clientAuthFields = {
  client_auth: oneOf({
    values: ["off", "request", "require"],
    default: "off",
    doc: "Whether clients show a certificate: `off` they are not asked, `request` they are asked and may have none, `require` the handshake fails without one. One that is shown must be good in every case. Needs `client_ca_path`.",
    example: '"require"',
  }),
  client_ca_path: string({
    format: filePath,
    doc: "PEM file of the authorities that may have signed the certificates of clients.",
    example: '"/etc/expressgateway/tls/client-ca.pem"',
  }),
  client_crl_path: string({
    format: filePath,
    doc: "PEM file of certificate revocation lists (RFC 5280, section 5), one for each of those authorities: clients whose certificate is on one are refused. An expired list refuses everybody.",
    example: '"/etc/expressgateway/tls/client-crl.pem"',
  }),
  forward_client_certificate: oneOf({
    values: ["off", "client_cert", "xfcc", "both"],
    default: "off",
    doc: "How backends learn of the certificate: `client_cert` by the field `Client-Cert` (RFC 9440), `xfcc` by `X-Forwarded-Client-Cert` with the certificate's hash, subject and names, `both` by both. Such fields that a client sends itself are always removed. For `h1s`.",
    example: '"client_cert"',
  }),
} as const;
