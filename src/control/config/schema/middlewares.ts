/** `[middlewares.NAME]`. Feature rows A13.1 to A13.16, A8.7, A8.9. */
import { duration, integer, record, string, stringMap, strings, table, variant } from "../define.ts";
import { cidr, fieldName, httpUrl, redisUrl, requestPath } from "../format.ts";
import { MAX_BYTES, MAX_NAMED, MAX_TIMER_MS, MAX_TIMER_S, MAX_U32 } from "./bounds.ts";

const rate = integer({
  required: true,
  min: 1,
  max: 1_000_000_000,
  unit: "requests per second",
  doc: "Requests that are let through per second. Others get 429.",
  example: "100",
});

const burst = integer({
  min: 1,
  max: 1_000_000_000,
  unit: "requests",
  defaultText: "`rate`",
  doc: "Requests that may come at once after a quiet time.",
  example: "50",
});

const apiKey = table({
  doc: "Lets requests in that have one of the keys; others get 401.",
  fields: {
    header: string({
      format: fieldName,
      default: "X-API-Key",
      doc: "Field that holds the key.",
      example: '"X-API-Key"',
    }),
    keys: strings({ required: true, minItems: 1, secret: true, doc: "The keys.", example: '["${API_KEY}"]' }),
  },
});

const basicAuth = table({
  doc: "HTTP Basic authentication (RFC 7617); others get 401.",
  fields: {
    username: string({ required: true, doc: "The user.", example: '"admin"' }),
    password: string({ required: true, secret: true, doc: "The password.", example: '"${ADMIN_PASSWORD}"' }),
  },
});

const jwt = table({
  doc: "Lets requests in that have a valid JSON Web Token (HS256, with `exp`); others get 401.",
  fields: {
    value: string({
      required: true,
      secret: true,
      doc: "The secret of the signature.",
      example: '"${JWT_SECRET}"',
    }),
    header: string({
      format: fieldName,
      default: "Authorization",
      doc: "Field that holds the token, with or without `Bearer`.",
      example: '"Authorization"',
    }),
  },
});

const forwardAuth = table({
  doc: "Asks another server whether a request may pass.",
  fields: {
    forward_auth_url: string({
      format: httpUrl,
      required: true,
      doc: "The server. 2xx lets the request pass; any other answer goes to the client.",
      example: '"http://127.0.0.1:4181/auth"',
    }),
    forward_auth_response_headers: strings({
      format: fieldName,
      default: [],
      doc: "Fields of the answer that are copied to the request. What the client sent under these names is removed.",
      example: '["X-User"]',
    }),
  },
});

const cors = table({
  doc: "Cross-origin resource sharing (Fetch standard).",
  fields: {
    allowed_origins: strings({
      default: ["*"],
      doc: "Origins that may read answers.",
      note: '`"*"` lets every web site read them.',
      example: '["https://app.example.com"]',
    }),
    allowed_methods: strings({
      format: fieldName,
      default: ["GET", "POST", "PUT", "DELETE", "OPTIONS"],
      doc: "Methods that they may use.",
      example: '["GET", "POST"]',
    }),
    allowed_headers: strings({
      format: fieldName,
      default: ["Content-Type", "Authorization"],
      doc: "Fields that they may send.",
      example: '["Content-Type"]',
    }),
    max_age: duration({
      unit: "s",
      min: 0,
      max: MAX_TIMER_S,
      default: 86_400,
      doc: "How long a browser may remember it.",
      example: "600",
    }),
  },
});

const headers = table({
  doc: "Sets fields of requests and responses; what was there under the name is replaced.",
  fields: {
    request_headers: stringMap({
      doc: "Fields of the request to the backend.",
      example: '{ X-Env = "prod" }',
    }),
    response_headers: stringMap({
      doc: "Fields of the response to the client.",
      example: '{ X-Frame-Options = "DENY" }',
    }),
  },
});

const circuitBreaker = table({
  doc: "Answers 503 by itself for a while after failures in a row.",
  fields: {
    failure_threshold: integer({
      min: 1,
      max: MAX_U32,
      default: 5,
      doc: "Answers of 500 and above in a row that open it.",
      example: "3",
    }),
    cooldown_secs: duration({
      unit: "s",
      min: 1,
      max: MAX_TIMER_S,
      default: 30,
      doc: "Time before requests are tried again.",
      example: "10",
    }),
    success_threshold: integer({
      min: 1,
      max: MAX_U32,
      default: 1,
      doc: "Successes in a row that close it.",
      example: "2",
    }),
  },
});

const retry = table({
  doc: "Sends a failed request again, when that is safe.",
  fields: {
    max_retries: integer({ min: 1, max: 100, default: 3, doc: "Attempts after the first.", example: "2" }),
    retry_interval_ms: duration({
      unit: "ms",
      min: 0,
      max: MAX_TIMER_MS,
      default: 100,
      doc: "Time before the first of them.",
      example: "50",
    }),
  },
});

export const middlewaresSchema = record({
  doc: "What happens to a request before its service and to the response after it. `type` says what; the other keys depend on it.",
  maxItems: MAX_NAMED,
  item: variant({
    tag: "type",
    doc: "One middleware.",
    refused: { "tcp-filter": "set max_connections and tcp_allowed_ips on the listener" },
    variants: {
      "api-key": apiKey,
      "basic-auth": basicAuth,
      jwt,
      "forward-auth": forwardAuth,
      "rate-limit": table({
        doc: "Lets so many requests through, by a token bucket.",
        fields: { rate, burst },
      }),
      "rate-limit-redis": table({
        doc: "As `rate-limit`, with one bucket for all gateways, in Redis.",
        fields: {
          rate,
          burst,
          redis_url: string({
            format: redisUrl,
            required: true,
            secret: true,
            doc: "The Redis server.",
            example: '"redis://10.0.0.3:6379"',
          }),
        },
      }),
      cors,
      headers,
      "strip-prefix": table({
        doc: "Removes the beginning of the path.",
        fields: {
          prefixes: strings({
            format: requestPath,
            required: true,
            minItems: 1,
            doc: "Prefixes; the first that fits is removed.",
            example: '["/api"]',
          }),
        },
      }),
      "body-limit": table({
        doc: "Answers 413 to requests with a larger body.",
        fields: {
          max_body_bytes: integer({
            required: true,
            min: 1,
            max: MAX_BYTES,
            unit: "bytes",
            doc: "Largest body.",
            example: "1048576",
          }),
        },
      }),
      retry,
      "circuit-breaker": circuitBreaker,
      "ip-allow": table({
        doc: "Lets in clients with these addresses; others get 403.",
        fields: {
          allowed_ips: strings({
            format: cidr,
            required: true,
            minItems: 1,
            doc: "Addresses and CIDR blocks.",
            example: '["10.0.0.0/8"]',
          }),
        },
      }),
      compress: table({
        doc: "Compresses responses: Brotli, gzip or deflate, as the client accepts.",
        fields: {},
      }),
    },
  }),
});
