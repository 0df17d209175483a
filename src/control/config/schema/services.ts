/** `[services.NAME]`. Feature rows A5.2 to A5.15, A7.1, A14.1, A14.6, A14.7, B15. */
import { duration, integer, number, oneOf, optionalTable, record, string, table, tables } from "../define.ts";
import { cookieName, label, requestPath } from "../format.ts";
import { backendTables } from "./backends.ts";
import { MAX_NAMED } from "./bounds.ts";
import { scalingSchema } from "./scaling.ts";

export const STRATEGIES = [
  "round_robin",
  "weighted_round_robin",
  "random",
  "weighted_random",
  "least_connections",
  "least_request",
  "p2c",
  "peak_ewma",
  "maglev",
  "ring_hash",
  "source_ip_hash",
  "session_affinity",
  "least_time",
] as const;

/** The spellings with dashes, and the words of other gateways. */
const STRATEGY_SYNONYMS = {
  "round-robin": "round_robin",
  weighted: "weighted_round_robin",
  "weighted-round-robin": "weighted_round_robin",
  "weighted-random": "weighted_random",
  "least-connections": "least_connections",
  "least-request": "least_request",
  ewma: "peak_ewma",
  "peak-ewma": "peak_ewma",
  "ring-hash": "ring_hash",
  "source-ip-hash": "source_ip_hash",
  "session-affinity": "session_affinity",
  "least-time": "least_time",
} as const;

const strategy = oneOf({
  values: STRATEGIES,
  synonyms: STRATEGY_SYNONYMS,
  default: "round_robin",
  doc: "How a backend is chosen: `round_robin` in turn, `weighted_round_robin` in turn by weight, `random`, `weighted_random`, `least_connections`, `least_request` (fewest requests in flight), `p2c` (the less busy of two), `peak_ewma` (latency times load), `least_time`, `maglev` and `ring_hash` (consistent hashing), `source_ip_hash`, `session_affinity`. Dashes may stand for underscores; `weighted` is `weighted_round_robin`.",
  example: '"weighted_round_robin"',
});

const healthCheckSchema = optionalTable({
  doc: "Asks each backend regularly whether it is well. 2xx is well.",
  fields: {
    path: string({ format: requestPath, required: true, doc: "Path of the request.", example: '"/healthz"' }),
    interval: duration({
      unit: "ms",
      min: 100,
      max: 86_400_000,
      default: 10_000,
      doc: "Time between two requests.",
      example: '"5s"',
    }),
    timeout: duration({
      unit: "ms",
      min: 1,
      max: 86_400_000,
      default: 5000,
      doc: "Time for an answer.",
      example: '"1s"',
    }),
    unhealthy_threshold: integer({
      min: 1,
      max: 1000,
      default: 3,
      doc: "Failures in a row after which a backend gets no more requests.",
      example: "2",
    }),
    healthy_threshold: integer({
      min: 1,
      max: 1000,
      default: 1,
      doc: "Successes in a row after which it gets them again.",
      example: "2",
    }),
  },
});

const revisionSchema = table({
  doc: "One revision.",
  renamed: { servers: 'did you mean "backends"?' },
  fields: {
    name: string({ format: label, required: true, doc: "Name of the revision.", example: '"v1"' }),
    traffic_percent: integer({
      min: 0,
      max: 100,
      default: 100,
      unit: "percent",
      doc: "Share of the traffic. All revisions together have 100.",
      example: "90",
    }),
    strategy,
    backends: backendTables("Its backends."),
  },
});

const rolloutSchema = optionalTable({
  doc: "Moves the traffic from one revision to another in steps, and back when the new one fails.",
  fields: {
    from: string({ required: true, doc: "The revision that has the traffic.", example: '"v1"' }),
    to: string({ required: true, doc: "The revision that gets it.", example: '"v2"' }),
    step_percent: integer({
      min: 1,
      max: 100,
      default: 10,
      unit: "percent",
      doc: "Share that moves in each step.",
      example: "5",
    }),
    step_interval_secs: duration({
      unit: "s",
      min: 1,
      max: 86_400,
      default: 60,
      doc: "Time between two steps.",
      example: "300",
    }),
    error_rate_threshold: number({
      min: 0,
      max: 1,
      default: 0.05,
      doc: "Share of failed requests above which the traffic moves back.",
      example: "0.01",
    }),
    latency_threshold_ms: duration({
      unit: "ms",
      min: 1,
      max: 3_600_000,
      default: 5000,
      doc: "99th percentile of the latency above which the traffic moves back.",
      example: "500",
    }),
  },
});

const stickySchema = optionalTable({
  doc: "Keeps a client on its backend by a cookie.",
  fields: {
    cookie: string({ format: cookieName, required: true, doc: "Name of the cookie.", example: '"srv_id"' }),
  },
});

const failoverSchema = optionalTable({
  doc: "Another service for the time when no backend of this one is well.",
  fields: { service: string({ required: true, doc: "The service, by name.", example: '"backup"' }) },
});

const mirrorSchema = optionalTable({
  doc: "Sends a copy of requests to another service, whose answers are dropped.",
  fields: {
    service: string({ required: true, doc: "The service, by name.", example: '"shadow"' }),
    percentage: integer({
      min: 0,
      max: 100,
      default: 100,
      unit: "percent",
      doc: "Share of the requests that is copied.",
      example: "10",
    }),
  },
});

export const servicesSchema = record({
  doc: "Backends under a name, and how one of them is chosen.",
  maxItems: MAX_NAMED,
  item: table({
    doc: "One service.",
    renamed: {
      servers: 'did you mean "backends"?',
      load_balancer: "its keys stand in [services.NAME] itself: strategy, backends, health_check, sticky",
    },
    fields: {
      strategy,
      backends: backendTables("The backends. At least one, unless there are revisions."),
      health_check: healthCheckSchema,
      sticky: stickySchema,
      failover: failoverSchema,
      mirror: mirrorSchema,
      revisions: tables({
        doc: "Versions of the service with a share of the traffic each.",
        item: revisionSchema,
        maxItems: 64,
      }),
      rollout: rolloutSchema,
      scaling: scalingSchema,
    },
  }),
});
