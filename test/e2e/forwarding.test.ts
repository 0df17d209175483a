/** What the backend is told about the client: X-Forwarded-*, X-Request-ID, trace context, Via. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { echo, type Echoed } from "../support/scripts.ts";
import { fieldValue, fieldValues, type FieldList } from "../support/strict-http1.ts";
import { get, startProxied, suiteScope, type Proxied } from "../support/suite.ts";

const scope = suiteScope();
/** Everything comes from 127.0.0.1, which only the second gateway trusts. */
let stranger: Proxied;
let trusting: Proxied;
let appending: Proxied;
before(async () => {
  const backend = { script: echo };
  stranger = await startProxied(scope, { backend });
  trusting = await startProxied(scope, {
    backend,
    config: { security: { trusted_proxies: ["127.0.0.1/32", "10.0.0.0/8"] } },
  });
  appending = await startProxied(scope, { backend, config: { security: { untrusted_forwarded: "append" } } });
});

async function fieldsAtBackend(through: Proxied, ...lines: string[]): Promise<FieldList> {
  const client = await through.connect({ localAddress: "127.0.0.1" });
  const answer = await client.request(get("/", ...lines));
  client.destroy();
  return (JSON.parse(answer.body.toString()) as Echoed).fields;
}

describe("X-Forwarded-*", { timeout: 30_000 }, () => {
  it("tells address, scheme and host", async () => {
    const fields = await fieldsAtBackend(stranger);
    assert.equal(fieldValue(fields, "x-forwarded-for"), "127.0.0.1");
    assert.equal(fieldValue(fields, "x-forwarded-proto"), "http");
    assert.equal(fieldValue(fields, "x-forwarded-host"), "test.example");
  });

  it("replaces what a stranger claims", async () => {
    const claims = [
      "X-Forwarded-For: 1.1.1.1",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: evil.example",
      "Forwarded: for=1.1.1.1",
      "X-Real-IP: 1.1.1.1",
    ];
    const fields = await fieldsAtBackend(stranger, ...claims);
    assert.deepEqual(fieldValues(fields, "x-forwarded-for"), ["127.0.0.1"]);
    assert.deepEqual(fieldValues(fields, "x-forwarded-proto"), ["http"]);
    assert.deepEqual(fieldValues(fields, "x-forwarded-host"), ["test.example"]);
    assert.equal(fieldValue(fields, "forwarded"), undefined);
    assert.equal(fieldValue(fields, "x-real-ip"), undefined);
  });

  it("drops every other claim of a stranger, and passes a trusted proxy's on", async () => {
    const claims = [
      "X-Forwarded-Prefix: /admin",
      "X-FORWARDED-User: root",
      "True-Client-IP: 1.1.1.1",
      "Proxy: evil:80",
    ];
    const names = claims.map((line) => line.slice(0, line.indexOf(":")).toLowerCase());
    const dropped = await fieldsAtBackend(stranger, ...claims, "X-Forward: kept");
    assert.deepEqual(
      names.flatMap((name) => fieldValues(dropped, name)),
      [],
    );
    assert.equal(fieldValue(dropped, "x-forward"), "kept");
    const kept = await fieldsAtBackend(trusting, ...claims);
    assert.deepEqual(
      names.map((name) => fieldValues(kept, name).length),
      [1, 1, 1, 1],
    );
  });

  it("appends to a stranger's claim when told to, and believes none of the rest", async () => {
    const fields = await fieldsAtBackend(
      appending,
      "X-Forwarded-For: 1.1.1.1",
      "X-Forwarded-For: 2.2.2.2",
      "X-Forwarded-Proto: https",
    );
    assert.deepEqual(fieldValues(fields, "x-forwarded-for"), ["1.1.1.1, 2.2.2.2, 127.0.0.1"]);
    assert.equal(fieldValue(fields, "x-forwarded-proto"), "http");
  });

  it("continues what a trusted proxy says", async () => {
    const lines = [
      "X-Forwarded-For: 203.0.113.9, 10.1.2.3",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: shop.example",
    ];
    const fields = await fieldsAtBackend(trusting, ...lines);
    assert.equal(fieldValue(fields, "x-forwarded-for"), "203.0.113.9, 10.1.2.3, 127.0.0.1");
    assert.equal(fieldValue(fields, "x-forwarded-proto"), "https");
    assert.equal(fieldValue(fields, "x-forwarded-host"), "shop.example");
  });

  it("stays when a client names it in Connection", async () => {
    const fields = await fieldsAtBackend(
      stranger,
      "Connection: close, X-Forwarded-For, X-Forwarded-Proto, Host",
    );
    assert.equal(fieldValue(fields, "x-forwarded-for"), "127.0.0.1");
    assert.equal(fieldValue(fields, "x-forwarded-proto"), "http");
    assert.equal(fieldValue(fields, "host"), "test.example");
  });

  it("cannot be doubled by an alias with underscores", async () => {
    const client = await stranger.connect();
    const answer = await client.request(get("/", "X_Forwarded_For: 1.1.1.1"));
    assert.match(answer.startLine, / 400 /);
    assert.equal(await client.closed(), "fin");
  });
});

describe("X-Request-ID", { timeout: 30_000 }, () => {
  it("is made when there is none, differently each time", async () => {
    const first = fieldValue(await fieldsAtBackend(stranger), "x-request-id") ?? "";
    const second = fieldValue(await fieldsAtBackend(stranger), "x-request-id") ?? "";
    assert.match(first, /^[0-9a-f]{32}$/);
    assert.notEqual(first, second);
  });

  it("is kept when it is sound", async () => {
    const fields = await fieldsAtBackend(stranger, "X-Request-ID: order-17.4_a");
    assert.deepEqual(fieldValues(fields, "x-request-id"), ["order-17.4_a"]);
  });

  for (const [name, lines] of [
    ["it is too long", [`X-Request-ID: ${"a".repeat(129)}`]],
    ["it holds quotes", ['X-Request-ID: a"b']],
    ["there are two", ["X-Request-ID: a", "X-Request-ID: b"]],
  ] as const) {
    it(`is replaced when ${name}`, async () => {
      const ids = fieldValues(await fieldsAtBackend(stranger, ...lines), "x-request-id");
      assert.equal(ids.length, 1);
      assert.match(ids[0] ?? "", /^[0-9a-f]{32}$/);
    });
  }
});

describe("trace context", { timeout: 30_000 }, () => {
  const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

  it("continues a trace with a span of its own", async () => {
    const fields = await fieldsAtBackend(
      stranger,
      `traceparent: 00-${TRACE}-00f067aa0ba902b7-01`,
      "tracestate: a=1",
    );
    const parent = fieldValue(fields, "traceparent") ?? "";
    assert.match(parent, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    assert.notEqual(parent.slice(36, 52), "00f067aa0ba902b7");
    assert.equal(fieldValue(fields, "tracestate"), "a=1");
  });

  it("starts a trace when there is none or a malformed one", async () => {
    for (const lines of [[], [`traceparent: 00-${"0".repeat(32)}-00f067aa0ba902b7-01`, "tracestate: a=1"]]) {
      const fields = await fieldsAtBackend(stranger, ...lines);
      assert.equal(fieldValues(fields, "traceparent").length, 1);
      assert.match(
        fieldValue(fields, "traceparent") ?? "",
        /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00$/,
      );
      assert.equal(fieldValue(fields, "tracestate"), undefined);
    }
  });
});

describe("Via", { timeout: 30_000 }, () => {
  it("names the gateway, after the proxies before it", async () => {
    assert.equal(fieldValue(await fieldsAtBackend(stranger), "via"), "1.1 expressgateway");
    assert.equal(
      fieldValue(await fieldsAtBackend(stranger, "Via: 1.0 fred"), "via"),
      "1.0 fred, 1.1 expressgateway",
    );
  });
});
