/** The keys of `[listeners.tls]` that obtain certificates by ACME. Feature rows A3.11 and A3.12. */
import { boolean, duration, oneOf, optionalTable, string, strings } from "../define.ts";
import { certificateName, filePath } from "../format.ts";

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

export const acmeFields = {
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
} as const;
