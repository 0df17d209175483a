/** `[observability]`, `[admin]`, `[security]`, `[pool]`, `[dns]`. Feature rows A6.1, A6.3, A6.5, A17.1, A17.4, A18.9, A19.2, A20.2, B4. */
import { boolean, duration, integer, number, oneOf, string, strings, table } from "../define.ts";
import { cidr, filePath, listenAddress, sha256Hex } from "../format.ts";
import { MAX_TIMER_MS } from "./bounds.ts";

const accessLogSchema = table({
  doc: "One line per request.",
  fields: {
    enabled: boolean({ default: true, doc: "Whether requests are logged.", example: "false" }),
    path: string({
      format: filePath,
      default: "stdout",
      doc: "Where to: `stdout`, `stderr`, or a file that is appended to. It is written in batches and never makes a request wait; what does not fit is counted in `access_log_dropped_total`.",
      example: '"/var/log/expressgateway/access.log"',
    }),
    format: oneOf({
      values: ["json", "common"],
      default: "json",
      doc: "`json`: one object per line with every field. `common`: the Common Log Format.",
      example: '"common"',
    }),
    sample: number({
      min: 0,
      max: 1,
      default: 1,
      doc: "Share of the requests with a status below 400 that is logged. Others are always logged.",
      example: "0.1",
    }),
  },
});

export const observabilitySchema = table({
  doc: "Metrics, probes and the access log. The log's format and level are the environment variables `LB_LOG_FORMAT` and `LB_LOG`.",
  renamed: {
    log_level: "the log level is the environment variable LB_LOG",
    log_format: "the log format is the environment variable LB_LOG_FORMAT",
  },
  fields: {
    metrics_bind: string({
      format: listenAddress,
      defaultText: "no admin listener",
      doc: "Where the admin listener serves `/metrics`, `/livez`, `/healthz`, `/readyz` and `/startupz`: a numeric address or `localhost`, and a port. An address other than loopback needs `[admin]`.",
      example: '"127.0.0.1:9090"',
    }),
    max_label_cardinality: integer({
      min: 100,
      max: 1_000_000,
      default: 10_000,
      unit: "series",
      doc: "Series that one metric may have. A configuration whose listeners, routers and backends could make more is refused.",
      example: "50000",
    }),
    access_log: accessLogSchema,
  },
});

export const adminSchema = table({
  doc: "Who may use the admin listener.",
  fields: {
    api_token_hash: string({
      format: sha256Hex,
      secret: true,
      defaultText: "no token",
      doc: "SHA-256 of the bearer token that `/metrics` asks for, as 64 hexadecimal digits: `printf %s TOKEN | sha256sum`. Probes need no token.",
      example: '"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
    }),
    allow_non_loopback: boolean({
      default: false,
      doc: "Lets `metrics_bind` be an address that other machines reach. Needs `api_token_hash`.",
      note: "The admin listener speaks plain HTTP: the token can be read on the way.",
      example: "true",
    }),
  },
});

export const securitySchema = table({
  doc: "What is trusted.",
  fields: {
    strict_te: boolean({
      default: false,
      doc: "Refuses every `Transfer-Encoding` but exactly `chunked`, with 400.",
      example: "true",
    }),
    trusted_proxies: strings({
      format: cidr,
      default: [],
      doc: "Addresses and CIDR blocks of proxies in front of this one. Their `X-Forwarded-*` fields are kept, and the client's address is the last one in `X-Forwarded-For` that is not in this list.",
      note: "Whoever is in the list can claim any client address. Never list networks that clients are in.",
      example: '["10.0.0.0/8", "fd00::/8"]',
    }),
    untrusted_forwarded: oneOf({
      values: ["replace", "append"],
      default: "replace",
      doc: "What happens to `X-Forwarded-*` fields of peers that are not in `trusted_proxies`: `replace` drops them and writes our own, `append` adds to them.",
      note: "`append` passes on what clients claim: backends must not believe it.",
      example: '"append"',
    }),
  },
});

export const poolSchema = table({
  doc: "Connections to backends that are kept for the next request. The caps are per worker.",
  fields: {
    max_per_backend: integer({
      min: 1,
      max: 1_000_000,
      default: 1024,
      doc: "Connections to one backend, busy and idle, those that carry a WebSocket or another tunnel over HTTP/1.1 included. Requests beyond them wait.",
      example: "200",
    }),
    max_idle_per_backend: integer({
      min: 0,
      max: 1_000_000,
      default: 128,
      doc: "Idle connections to one backend.",
      note: "0 opens a connection for every request.",
      example: "32",
    }),
    max_idle_total: integer({
      min: 0,
      max: 1_000_000,
      default: 1024,
      doc: "Idle connections to all backends together.",
      note: "0 opens a connection for every request.",
      example: "256",
    }),
    idle_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 60_000,
      doc: "Time after which an idle connection is closed. Keep it below the backends' own, so that they do not close first.",
      example: "4000",
    }),
    max_age_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 300_000,
      doc: "Time after which a connection is not used for another request.",
      example: '"10m"',
    }),
    max_pending_per_backend: integer({
      min: 0,
      max: 1_000_000,
      default: 1024,
      doc: "Requests that wait for a connection to one backend. One more gets 503.",
      note: "0 answers 503 as soon as `max_per_backend` is reached.",
      example: "100",
    }),
    quic_max_per_backend: integer({
      min: 1,
      max: 1_000_000,
      default: 4,
      doc: "QUIC connections to one backend of protocol `h3`. Requests share them; those that none has room for wait.",
      example: "8",
    }),
    quic_max_total: integer({
      min: 1,
      max: 1_000_000,
      default: 128,
      doc: "QUIC connections to all backends of protocol `h3` together. When there are so many, one that carries no request makes way for one that is wanted.",
      example: "512",
    }),
  },
});

export const dnsSchema = table({
  doc: "How the names of backends are resolved.",
  fields: {
    refresh_interval_ms: duration({
      unit: "ms",
      min: 100,
      max: MAX_TIMER_MS,
      default: 60_000,
      doc: "Time between two looks at a name. When one fails, the addresses of the last one stay.",
      example: '"10s"',
    }),
    negative_ttl_ms: duration({
      unit: "ms",
      min: 0,
      max: MAX_TIMER_MS,
      default: 5000,
      doc: "Time for which a failed look is remembered.",
      example: "1000",
    }),
    max_ttl_ms: duration({
      unit: "ms",
      min: 100,
      max: MAX_TIMER_MS,
      default: 300_000,
      doc: "Longest time for which an answer is used without another look.",
      example: '"1m"',
    }),
    timeout_ms: duration({
      unit: "ms",
      min: 100,
      max: 60_000,
      default: 5000,
      doc: "Time for one look.",
      example: "2000",
    }),
  },
});
