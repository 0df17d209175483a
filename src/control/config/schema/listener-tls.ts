/** `[listeners.tls]`. Feature rows A3.1 to A3.6, B21, B22; its parts `listener-client-auth.ts` and `listener-acme.ts`. */
import { boolean, duration, oneOf, optionalTable, string, table, tables } from "../define.ts";
import { filePath } from "../format.ts";
import { MAX_CERTIFICATES, MAX_TIMER_S } from "./bounds.ts";
import { acmeFields } from "./listener-acme.ts";
import { clientAuthFields } from "./listener-client-auth.ts";

const ocspPath = string({
  format: filePath,
  doc: "File with an OCSP response for the certificate (DER), which is stapled to handshakes (RFC 6066, section 8). Whoever renews the file has the gateway read it again, as it does the certificate.",
  example: '"/etc/expressgateway/tls/cert.ocsp"',
});

const certificateSchema = table({
  doc: "One certificate of several. It is shown to clients that ask for one of its DNS names (SNI); an exact name wins over a wildcard, the first certificate over a later one. Clients that ask for no name, or for one that no certificate has, are shown the default: `cert_path` of `[listeners.tls]`, or the first of these.",
  fields: {
    cert_path: string({
      format: filePath,
      aliases: ["cert_file"],
      required: true,
      doc: "PEM file with the certificate and its chain.",
      example: '"/etc/expressgateway/tls/shop.example.pem"',
    }),
    key_path: string({
      format: filePath,
      aliases: ["key_file"],
      required: true,
      doc: "PEM file with the private key (mode 0600).",
      example: '"/etc/expressgateway/tls/shop.example.key"',
    }),
    ocsp_path: ocspPath,
  },
});

export const tlsSchema = optionalTable({
  doc: "TLS of the listener. Required for `tls` and `h1s`. ECDHE key exchange and AEAD ciphers only, with hybrid post-quantum groups first. Certificates are read at start, at a reload (SIGHUP), at SIGUSR1, and with `watch` when a file changes: all of them or, when one is not good, none.",
  fields: {
    cert_path: string({
      format: filePath,
      aliases: ["cert_file"],
      doc: "PEM file with the certificate and its chain: the server's own first, then each one's issuer. Required, unless there are `[[listeners.tls.certificates]]`.",
      example: '"/etc/expressgateway/tls/cert.pem"',
    }),
    key_path: string({
      format: filePath,
      aliases: ["key_file"],
      doc: "PEM file with the private key, PKCS#8, PKCS#1 or SEC1. Nobody but its owner may have access to the file (mode 0600).",
      example: '"/etc/expressgateway/tls/key.pem"',
    }),
    ocsp_path: ocspPath,
    certificates: tables({
      doc: "More certificates, for other names.",
      item: certificateSchema,
      maxItems: MAX_CERTIFICATES,
    }),
    min_version: oneOf({
      values: ["1.2", "1.3"],
      default: "1.2",
      doc: "Oldest TLS version that is spoken. `[runtime.tls].tls13_only` makes it 1.3 everywhere.",
      example: '"1.3"',
    }),
    watch: boolean({
      defaultText: "`[runtime.tls].watch`",
      doc: "Reads the certificates of the gateway again when a file of this listener changes; also one that is reached by a symbolic link, as in a mounted Kubernetes secret.",
      example: "true",
    }),
    ...clientAuthFields,
    ticket_rotation_interval_seconds: duration({
      unit: "s",
      min: 1,
      max: MAX_TIMER_S,
      default: 86_400,
      doc: "Time after which session tickets are made with a new key. All workers share the keys.",
      example: "43200",
    }),
    ticket_rotation_overlap_seconds: duration({
      unit: "s",
      min: 0,
      max: MAX_TIMER_S,
      default: 86_400,
      doc: "Time for which tickets of a previous key are still accepted; at most 32 keys are. The transport `net` knows only the newest: there, clients begin anew after a rotation.",
      example: "3600",
    }),
    ...acmeFields,
  },
});
