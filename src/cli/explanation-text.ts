/** An explanation as text for people. */
import type { Explanation, Outcome, PassedRoute, RouteView } from "../control/explain/explanation.ts";
import { printable } from "../control/config/render.ts";
import { block } from "./summary.ts";

/** Characters of a rule, or of a part of one, that are shown: lists of hosts are long. */
const MAX_RULE_CHARS = 160;

/** Ends with a newline. */
export function explanationText(explanation: Explanation): string {
  const { outcome } = explanation;
  const parts = [
    block("", headRows(explanation)),
    routeText(
      explanation,
      outcome.kind === "route" || outcome.kind === "relay" || outcome.kind === "refused"
        ? outcome.route
        : null,
    ),
    passedText(explanation),
    alsoText(explanation),
  ];
  const text = parts.filter((part) => part !== "").join("\n");
  return text.split("\n").map(printable).join("\n");
}

function headRows({ request, listener, alsoListening, outcome }: Explanation): string[][] {
  const http = request.http === null ? "" : ` over HTTP/${request.http}`;
  const rows = [
    [
      "request",
      `${request.method} ${request.target}${http}, host ${request.host || "none"}, client ${request.client}`,
    ],
  ];
  if (listener !== null) {
    const also = alsoListening.length === 0 ? "" : `; also ${alsoListening.join(", ")} (--listener)`;
    rows.push(["listener", `${listener.name}, ${listener.protocol} on ${listener.address}${also}`]);
  }
  rows.push(["answer", answerText(outcome)]);
  return rows;
}

function answerText(outcome: Outcome): string {
  switch (outcome.kind) {
    case "route":
      return `route "${outcome.route.name}" takes it${outcome.upgrade === "" ? "" : `, and switches to ${outcome.upgrade}`}`;
    case "relay":
      return outcome.route === null
        ? "none: the listener has no backends"
        : "the listener relays what comes, and looks into no request";
    case "refused":
      return refusalText(outcome);
    case "health":
      return "the gateway's own, as it is asked for its health by gRPC";
    case "unreachable":
      return `none: ${outcome.reason}`;
  }
}

function refusalText({
  code,
  detail,
  status,
  grpcStatus,
  text,
  route,
}: Outcome & { kind: "refused" }): string {
  const answer =
    status === 0
      ? "the connection is closed"
      : grpcStatus === null
        ? `${status}`
        : `gRPC status ${grpcStatus}`;
  const why = `${text}${detail === "" ? "" : `: ${detail}`}`;
  const after = route === null ? "" : `, although route "${route.name}" matches`;
  return `${answer} (${why}; reason ${code})${after}`;
}

function routeText({ outcome }: Explanation, route: RouteView | null): string {
  if (route === null) return "";
  const { service } = route;
  const rows = [
    ["name", route.name],
    ...(route.isCatchAll
      ? [["rule", "none: the listener's own backends take what no router takes"]]
      : [
          ["rule", shortened(route.rule)],
          ["priority", String(route.priority)],
        ]),
    ["service", `${service.name}, ${service.strategy}`],
  ];
  const backends = service.backends.map(({ address, protocol, weight, tls }) => [
    address,
    protocol,
    tls === "none" ? "no TLS" : `TLS, ${tls}`,
    `weight ${weight}`,
  ]);
  const title = outcome.kind === "refused" ? "the route that matches" : "route";
  return `${block(title, rows)}\n${block("candidates", backends)}`;
}

function passedText({ passedBy, outcome }: Explanation): string {
  const { total, shown } = passedBy;
  if (total === 0) return "";
  const title = outcome.kind === "route" ? "routes before it that do not match" : "routes that do not match";
  const rest = total - shown.length;
  return block(title, shown.map(passedRow)) + (rest === 0 ? "" : `  and ${rest} more (--all)\n`);
}

function passedRow({ name, priority, failure }: PassedRoute): string[] {
  return [
    name,
    `priority ${priority}`,
    `${shortened(failure.part)} fails: ${failure.found || "nothing to compare"}`,
  ];
}

function alsoText({ alsoMatch }: Explanation): string {
  const { total, shown } = alsoMatch;
  if (total === 0) return "";
  const rest = total - shown.length;
  const rows = shown.map(({ name, rule }) => [
    name,
    rule === "" ? "the listener's own backends" : shortened(rule),
  ]);
  return (
    block("routes that match too, and come later", rows) + (rest === 0 ? "" : `  and ${rest} more (--all)\n`)
  );
}

/** In one line, whatever the file makes of it. */
function shortened(rule: string): string {
  const line = rule.trim().replaceAll(/\s+/g, " ");
  return line.length <= MAX_RULE_CHARS ? line : `${line.slice(0, MAX_RULE_CHARS)}...`;
}
