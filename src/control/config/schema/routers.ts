/** `[routers.NAME]`. Feature rows A4.1 to A4.3, A12.1. */
import { integer, record, string, strings, table } from "../define.ts";
import { rule, upgradeToken } from "../format.ts";
import { MAX_NAMED } from "./bounds.ts";

export const routersSchema = record({
  doc: "Which request goes to which service. The matching router with the highest priority takes it; a request that none takes goes to its listener's own backends, or gets 404.",
  maxItems: MAX_NAMED,
  item: table({
    doc: "One router.",
    renamed: {
      entrypoints: 'did you mean "listeners"?',
      entry_points: 'did you mean "listeners"?',
      match: 'did you mean "rule"?',
    },
    fields: {
      rule: string({
        format: rule,
        required: true,
        doc: "Which requests. Matchers `Host`, `HostRegexp`, `Path`, `PathPrefix`, `PathRegexp`, `Method`, `Header`, `HeaderRegexp`, `Query`, `QueryRegexp`, `ClientIP` with arguments in backticks, joined by `&&`, `||`, `!` and parentheses.",
        note: "Paths are compared as they came, without decoding or normalising: `/api/../x` begins with `/api`, `/%61pi` does not. Backends may read them otherwise, so a rule on a path is no access control.",
        example: '"Host(`api.example.com`) && PathPrefix(`/v1`)"',
      }),
      service: string({
        required: true,
        doc: "The service, by name.",
        example: '"api"',
      }),
      listeners: strings({
        default: [],
        defaultText: "all HTTP listeners",
        doc: "The listeners, by name, or by address when they have none.",
        example: '["web"]',
      }),
      middlewares: strings({
        default: [],
        maxItems: 64,
        doc: "The middlewares, by name, in the order in which a request meets them.",
        example: '["limit"]',
      }),
      allow_upgrades: strings({
        format: upgradeToken,
        default: [],
        defaultText: "none but `websocket`",
        maxItems: 16,
        doc: "Protocols that requests may be upgraded to (RFC 9110, section 7.8): the connection then carries bytes that nobody looks into. WebSocket needs no permission; `h2c` is never passed on.",
        example: '["acme-tunnel/1"]',
      }),
      priority: integer({
        min: -1_000_000_000,
        max: 1_000_000_000,
        defaultText: "the length of the rule",
        doc: "Higher wins. Among equals the name decides, in alphabetical order.",
        example: "100",
      }),
    },
  }),
});
