import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planFromToml } from "../../../test/support/plan-from-toml.ts";
import { explainRequest } from "./explain-request.ts";
import { type AskedRequest, type Explanation, HTTP_NAMES, type Outcome } from "./explanation.ts";

const PLAN = planFromToml(`
[[listeners]]
name = "web"
address = "0.0.0.0:80"
protocol = "h1"
backends = [{ address = "127.0.0.1:9" }]
[[listeners]]
name = "secure"
address = "0.0.0.0:443"
protocol = "h1s"
tls = { cert_path = "/tls/good.pem", key_path = "/tls/good.key" }
[[listeners]]
name = "udp"
address = "0.0.0.0:443"
protocol = "quic"
quic = { cert_path = "/tls/good.pem", key_path = "/tls/good.key", retry_secret_path = "/quic/retry.secret" }
[[listeners]]
name = "relay"
address = "0.0.0.0:444"
protocol = "tls"
tls = { cert_path = "/tls/good.pem", key_path = "/tls/good.key" }
backends = [{ address = "127.0.0.1:7", protocol = "tcp" }]

[routers.api]
rule = "Host(\`good.example\`) && PathPrefix(\`/v1\`)"
service = "api"
allow_upgrades = ["acme/1"]
[routers.beta]
rule = "Host(\`good.example\`) && Header(\`X-Beta\`, \`1\`)"
priority = 100
service = "api"
[routers.other]
rule = "Host(\`other.example\`)"
priority = 200
service = "api"
[routers.office]
rule = "ClientIP(\`10.0.0.0/8\`) && !Path(\`/\`)"
priority = 1
service = "api"
[services.api]
strategy = "weighted_round_robin"
[[services.api.backends]]
address = "127.0.0.1:1"
weight = 3
[[services.api.backends]]
address = "127.0.0.1:2"
protocol = "h2"
tls = true
tls_server_name = "b.example"
tls_verify_hostname = "b.example"
tls_ca_path = "/tls/ca.pem"

[security]
trusted_proxies = ["192.0.2.0/24"]
`);

const GET: AskedRequest = {
  method: "GET",
  scheme: "https",
  authority: "good.example",
  host: "good.example",
  port: 443,
  target: "/v1/users",
  fields: [],
  peer: "203.0.113.1",
  listener: undefined,
  http: undefined,
};
const PLAIN = { scheme: "http", port: 80 } as const;

function explained(changes: Partial<AskedRequest>, showAll = false): Explanation {
  const explanation = explainRequest(PLAN, { ...GET, ...changes }, showAll);
  assert.ok(typeof explanation !== "string");
  return explanation;
}

function outcome<K extends Outcome["kind"]>(kind: K, changes: Partial<AskedRequest>): Outcome & { kind: K } {
  const found = explained(changes).outcome;
  assert.equal(found.kind, kind, JSON.stringify(found));
  return found as Outcome & { kind: K };
}

test("a request is explained from the listener to the backends", () => {
  const { request, listener, alsoListening, outcome: found, passedBy, alsoMatch } = explained({});
  assert.deepEqual(request, {
    method: "GET",
    target: "/v1/users",
    http: "2",
    host: "good.example",
    client: "203.0.113.1",
  });
  assert.equal(listener?.name, "secure");
  assert.deepEqual(alsoListening, ["udp"]);
  assert.ok(found.kind === "route");
  assert.equal(found.route.name, "api");
  assert.deepEqual(found.route.service.backends, [
    { address: "127.0.0.1:1", protocol: "h1", weight: 3, tls: "none" },
    { address: "127.0.0.1:2", protocol: "h2", weight: 1, tls: "verified" },
  ]);
  assert.deepEqual(
    passedBy.shown.map(({ name, failure }) => [name, failure.part, failure.found]),
    [
      ["other", "Host(`other.example`)", "host good.example"],
      ["beta", "Header(`x-beta`, `1`)", "no x-beta"],
    ],
  );
  assert.deepEqual(alsoMatch, { total: 0, shown: [] });
});

test("routes that match too are named in their order", () => {
  const fields = [["X-Beta", "1"]] as const;
  const { outcome: found, alsoMatch } = explained({ ...PLAIN, fields, peer: "10.1.1.1" });
  assert.ok(found.kind === "route" && found.route.name === "beta");
  assert.deepEqual(
    alsoMatch.shown.map(({ name, priority }) => [name, priority]),
    [
      ["api", 41],
      ["office", 1],
      ["web", null],
    ],
  );
});

test("the listener's own backends take what no router takes, and are said to", () => {
  const { route } = outcome("route", { ...PLAIN, authority: "x", host: "x" });
  assert.deepEqual([route.name, route.isCatchAll, route.priority], ["web", true, null]);
});

test("where nothing matches the answer is a 404, with the parts that failed", () => {
  const request = { target: "/", peer: "10.0.0.1" };
  const refused = outcome("refused", request);
  assert.deepEqual([refused.status, refused.code, refused.route], [404, "no_route", null]);
  const failures = explained(request).passedBy.shown.map(({ name, failure }) => [name, failure.part]);
  assert.deepEqual(failures, [
    ["other", "Host(`other.example`)"],
    ["beta", "Header(`x-beta`, `1`)"],
    ["api", "PathPrefix(`/v1`)"],
    ["office", "!Path(`/`)"],
  ]);
});

test("a host that is not the one of the handshake is misdirected", () => {
  const refused = outcome("refused", { fields: [["Host", "other.example"]] });
  assert.deepEqual([refused.status, refused.code], [421, "misdirected_request"]);
  assert.equal(outcome("route", { ...PLAIN, fields: [["Host", "other.example"]] }).route.name, "other");
});

test("what the decoder refuses is told as it refuses it", () => {
  for (const [fields, status] of [
    [[["Transfer-Encoding", "gzip, chunked"]], 501],
    [[["Host", "a b"]], 400],
    [[["Content-Length", "x"]], 400],
  ] as const) {
    assert.equal(outcome("refused", { fields }).status, status, JSON.stringify(fields));
  }
  assert.equal(outcome("refused", { method: "CONNECT" }).status, 501);
});

test("the client is who trusted proxies say it is", () => {
  const fields = [["X-Forwarded-For", "10.9.9.9"]] as const;
  const trusted = explained({ fields, peer: "192.0.2.7", target: "/x" });
  assert.equal(trusted.request.client, "10.9.9.9");
  assert.ok(trusted.outcome.kind === "route" && trusted.outcome.route.name === "office");
  assert.equal(explained({ fields, target: "/x" }).request.client, "203.0.113.1");
});

test("upgrades are decided as for a real request", () => {
  const asks = (protocol: string): Partial<AskedRequest> => ({
    fields: [
      ["Upgrade", protocol],
      ["Connection", "Upgrade"],
    ],
  });
  const taken = explained(asks("acme/1"));
  assert.equal(taken.request.http, "1.1");
  assert.ok(taken.outcome.kind === "route" && taken.outcome.upgrade === "acme/1");
  assert.equal(outcome("route", asks("h2c")).upgrade, "");
  const refused = outcome("refused", { ...asks("websocket"), method: "POST" });
  assert.deepEqual([refused.status, refused.route?.name], [400, "api"]);
});

test("rules on the fields of a handshake are told of as the router has seen them", () => {
  const fields = [
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ] as const;
  const plan = planFromToml(`
[[listeners]]
address = "0.0.0.0:80"
protocol = "h1"
[routers.sockets]
rule = "HeaderRegexp(\`Sec-WebSocket-Key\`, \`.\`)"
service = "s"
[services.s]
backends = [{ address = "127.0.0.1:1" }]
`);
  const explanation = explainRequest(plan, { ...GET, ...PLAIN, fields }, false);
  assert.ok(typeof explanation !== "string" && explanation.outcome.kind === "route");
  assert.equal(explanation.outcome.upgrade, "websocket");
});

const words = fc.constantFrom(
  "a",
  "GET",
  "Host",
  "good.example",
  "1",
  " ",
  ":",
  "/",
  "%",
  "*",
  "é",
  "\t",
  "upgrade",
  "\u0007",
);
const texts = fc.array(words, { maxLength: 6 }).map((list) => list.join(""));
const names = fc.constantFrom(
  "Host",
  "X-Beta",
  "Upgrade",
  "Connection",
  "TE",
  "Content-Length",
  "X-Forwarded-For",
  "a b",
);

test("whatever is asked is explained, and the rules agree with the router", { timeout: 60_000 }, () => {
  const asked = fc.record({
    method: fc.oneof(fc.constantFrom("GET", "OPTIONS", "CONNECT", "PRI"), texts),
    target: fc.oneof(fc.constantFrom("/", "*", "/v1?x", "/grpc.health.v1.Health/Check"), texts),
    host: fc.constantFrom("good.example", "other.example", "10.0.0.1", "::1"),
    fields: fc.array(
      fc.tuple(names, fc.oneof(fc.constantFrom("websocket", "1", "acme/1", "10.0.0.1"), texts)),
      { maxLength: 4 },
    ),
    listener: fc.constantFrom(undefined, "web", "secure", "udp", "relay"),
    http: fc.constantFrom(undefined, ...HTTP_NAMES),
    peer: fc.constantFrom("10.1.1.1", "192.0.2.1", "::1"),
  });
  fc.assert(
    fc.property(asked, (changes) => {
      const authority = changes.host.includes(":") ? `[${changes.host}]` : changes.host;
      explainRequest(PLAN, { ...GET, ...changes, authority }, true);
    }),
    { numRuns: 1000 },
  );
});

test("gRPC gets its own answers", () => {
  const fields = [["Content-Type", "application/grpc"]] as const;
  const call = { method: "POST", target: "/svc/Method", fields };
  assert.equal(outcome("refused", call).grpcStatus, "12");
  assert.equal(outcome("refused", { ...call, http: "1.1" }).status, 415);
  outcome("health", { ...call, target: "/grpc.health.v1.Health/Check" });
});

test("scheme, port, address and HTTP version find the listener", () => {
  assert.equal(explained({ http: "3" }).listener?.name, "udp");
  assert.equal(explained({ listener: "udp", port: 1 }).request.http, "3");
  const reasons: [Partial<AskedRequest>, RegExp][] = [
    [{ port: 8443 }, /no listener is on port 8443; there are: web \(h1 on 0\.0\.0\.0:80\)/],
    [{ port: 80 }, /"web" on port 80 speaks no TLS/],
    [{ scheme: "http" }, /"secure" on port 443 speaks TLS/],
    [{ ...PLAIN, http: "3" }, /"web" on port 80 is no QUIC listener/],
  ];
  for (const [changes, reason] of reasons) assert.match(outcome("unreachable", changes).reason, reason);
  const mistake = explainRequest(PLAN, { ...GET, listener: "wep" }, false);
  assert.equal(mistake, 'there is no listener "wep": did you mean "web"?');
  const other = explainRequest(PLAN, { ...GET, listener: "web", http: "3" }, false);
  assert.equal(other, 'listener "web" does not speak HTTP/3');
});

test("a listener that relays looks into no request", () => {
  const { route } = outcome("relay", { port: 444 });
  assert.deepEqual(
    route?.service.backends.map(({ address, protocol }) => [address, protocol]),
    [["127.0.0.1:7", "tcp"]],
  );
});

test("of many routes the nearest are shown, those of the same host first, and all when asked for", () => {
  const routers = Array.from(
    { length: 60 },
    (_, index) =>
      `[routers.r${String(index).padStart(2, "0")}]\nrule = "Host(\`${index % 10 === 0 ? "a" : "b"}\`) && Path(\`/${index}\`)"\nservice = "s"`,
  );
  const plan = planFromToml(
    `[[listeners]]\naddress = "0.0.0.0:80"\nprotocol = "h1"\n${routers.join("\n")}\n[services.s]\nbackends = [{ address = "127.0.0.1:1" }]`,
  );
  const asked = { ...GET, ...PLAIN, authority: "a", host: "a", target: "/none" };
  const shown = (showAll: boolean): readonly string[] => {
    const explanation = explainRequest(plan, asked, showAll);
    assert.ok(typeof explanation !== "string");
    assert.equal(explanation.passedBy.total, 60);
    return explanation.passedBy.shown.map(({ name }) => name);
  };
  assert.equal(shown(false).length, 10);
  for (const name of ["r00", "r10", "r20", "r30", "r40", "r50"]) assert.ok(shown(false).includes(name), name);
  assert.equal(shown(true).length, 60);
});
