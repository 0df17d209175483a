/** `[listeners.tls]`. Feature rows A3.1, A3.3, A3.5, A3.11, A3.12. */
import { boolean, duration, oneOf, optionalTable, string, strings } from "../define.ts";
import { certificateName, filePath } from "../format.ts";
import { MAX_TIMER_S } from "./bounds.ts";

const dnsProviderSchema = optionalTable({
  doc: "The DNS service that publishes the answers to `dns-01` challenges.",
  fields: {
    provider: oneOf({
      values: ["cloudflare", "route53"],
      required: true,
      doc: "Which service.",
      example: '"cloudflare"',
    }),
    api_token: string({
      required: true,
      secret: true,
      doc: 'Its token; for Route 53 `"KEY:SECRET"`.',
      example: '"${CLOUDFLARE_TOKEN}"',
    }),
    zone_id: string({
      required: true,
      doc: "The zone of the domains.",
      example: '"023e105f4ecef8ad9ca31a8372d0c353"',
    }),
    propagation_wait_secs: duration({
      unit: "s",
      min: 0,
      max: 3600,
      default: 60,
      doc: "Time to wait after the record was published.",
      example: "120",
    }),
  },
});

export const tlsSchema = optionalTable({
  doc: "TLS of the listener. Required for `tls` and `h1s`.",
  fields: {
    cert_path: string({
      format: filePath,
      aliases: ["cert_file"],
      doc: "PEM file with the certificate and its chain. Required unless `acme = true`.",
      example: '"/etc/expressgateway/tls/cert.pem"',
    }),
    key_path: string({
      format: filePath,
      aliases: ["key_file"],
      doc: "PEM file with the private key, PKCS#8 or SEC1. Nobody but its owner may have access to the file (mode 0600). Required unless `acme = true`.",
      example: '"/etc/expressgateway/tls/key.pem"',
    }),
    min_version: oneOf({
      values: ["1.2", "1.3"],
      default: "1.2",
      doc: "Oldest TLS version that is spoken.",
      example: '"1.3"',
    }),
    ticket_rotation_interval_seconds: duration({
      unit: "s",
      min: 1,
      max: MAX_TIMER_S,
      default: 86_400,
      doc: "Time after which session tickets are made with a new key.",
      example: "43200",
    }),
    ticket_rotation_overlap_seconds: duration({
      unit: "s",
      min: 0,
      max: MAX_TIMER_S,
      default: 86_400,
      doc: "Time for which tickets of the previous key are still accepted.",
      example: "3600",
    }),
    acme: boolean({
      default: false,
      doc: "Obtains and renews the certificate by ACME (RFC 8555).",
      example: "true",
    }),
    acme_email: string({
      doc: "Contact of the ACME account. Required with `acme = true`.",
      example: '"ops@example.com"',
    }),
    acme_domains: strings({
      format: certificateName,
      default: [],
      defaultText: "the first `Host` of every router",
      doc: "Names that the certificate covers.",
      example: '["example.com", "www.example.com"]',
    }),
    acme_staging: boolean({
      default: false,
      doc: "Uses the authority's staging service, whose certificates no client trusts.",
      example: "true",
    }),
    acme_storage_path: string({
      format: filePath,
      default: "/etc/gateway/acme",
      doc: "Folder for the account key, certificates and keys.",
      example: '"/var/lib/expressgateway/acme"',
    }),
    challenge_type: oneOf({
      values: ["http-01", "dns-01"],
      default: "http-01",
      doc: "How the domains are proven.",
      example: '"dns-01"',
    }),
    dns_provider: dnsProviderSchema,
  },
});
