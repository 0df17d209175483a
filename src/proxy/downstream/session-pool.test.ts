import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import { answersTo, assertClean, chunk, ok, requestsTo } from "../../../test/support/memory-http.ts";
import { fieldValue, type Http1Message } from "../../../test/support/strict-http1.ts";

const CLIENTS = 4;

/** One request of one client, as the test means it. */
interface Meant {
  readonly client: number;
  readonly kind: "get" | "length" | "chunked" | "malformed" | "aborted" | "unrouted";
  readonly bodyBytes: number;
  readonly fields: number;
  readonly agent: boolean;
  readonly cuts: readonly number[];
  /** Client whose bytes come between the pieces of this one. */
  readonly trailers: boolean;
}

const request: fc.Arbitrary<Meant> = fc.record({
  client: fc.nat({ max: CLIENTS - 1 }),
  kind: fc.constantFrom("get", "length", "chunked", "get", "malformed", "aborted", "unrouted"),
  bodyBytes: fc.integer({ min: 1, max: 300 }),
  fields: fc.nat({ max: 5 }),
  agent: fc.boolean(),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  trailers: fc.boolean(),
});

/** A word that belongs to this request alone. */
function mark(meant: Meant, index: number): string {
  return `c${meant.client}r${index}`;
}

function fieldsOf(meant: Meant, index: number): [string, string][] {
  const own = mark(meant, index);
  const fields = Array.from({ length: meant.fields }, (_, i): [string, string] => [
    `X-${own}-${i}`,
    `${own}v${i}`,
  ]);
  if (meant.agent) fields.push(["User-Agent", `agent-${own}`]);
  return fields;
}

/** The bytes that the client sends. */
function wire(meant: Meant, index: number): string {
  const own = mark(meant, index);
  const path = meant.kind === "unrouted" ? `/elsewhere/${own}` : `/app/${own}`;
  const method = meant.kind === "length" || meant.kind === "chunked" ? "POST" : "GET";
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${own}.example`];
  lines.push(...fieldsOf(meant, index).map(([name, value]) => `${name}: ${value}`));
  const body = own.repeat(meant.bodyBytes);
  if (meant.kind === "length") lines.push(`Content-Length: ${body.length}`);
  if (meant.kind === "chunked") lines.push("Transfer-Encoding: chunked");
  if (meant.kind === "malformed") lines.push(`Bad Name: ${own}`);
  const head = `${lines.join("\r\n")}\r\n\r\n`;
  if (meant.kind === "aborted") return head.slice(0, -4);
  if (meant.kind === "length") return head + body;
  if (meant.kind !== "chunked") return head;
  return `${head}${chunk(body)}0\r\n${meant.trailers ? `X-T-${own}: ${own}\r\n` : ""}\r\n`;
}

/** What a backend must get of it: derived from the meaning, not from the gateway's code. */
function expectation(meant: Meant, index: number): unknown {
  const own = mark(meant, index);
  const post = meant.kind === "length" || meant.kind === "chunked";
  return {
    startLine: `${post ? "POST" : "GET"} /app/${own} HTTP/1.1`,
    fields: [
      ["Host", `${own}.example`],
      ...fieldsOf(meant, index),
      ["X-Forwarded-For", `192.0.2.${meant.client + 1}`],
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-Host", `${own}.example`],
      ["Via", "1.1 expressgateway"],
    ],
    body: post ? own.repeat(meant.bodyBytes) : "",
    trailers: meant.kind === "chunked" && meant.trailers ? [[`X-T-${own}`, own]] : [],
  };
}

const UNCOMPARED = new Set(["X-Request-ID", "traceparent", "Content-Length", "Transfer-Encoding"]);

function seen({ startLine, fields, body, trailers }: Http1Message): unknown {
  const kept = fields.filter(([name]) => !UNCOMPARED.has(name));
  return { startLine, fields: kept, body: body.toString("latin1"), trailers };
}

/** The pieces of each client in its order, the clients interleaved by turns. */
function interleave(plan: readonly Meant[]): { client: number; bytes: string; aborts: boolean }[] {
  const queues = Array.from(
    { length: CLIENTS },
    (): { client: number; bytes: string; aborts: boolean }[] => [],
  );
  plan.forEach((meant, index) => {
    const text = wire(meant, index);
    const places = [0, ...meant.cuts.map((cut) => Math.floor(cut * text.length)).toSorted((a, b) => a - b)];
    places.forEach((place, i) => {
      const bytes = text.slice(place, places[i + 1] ?? text.length);
      const aborts = meant.kind === "aborted" && i === places.length - 1;
      if (bytes !== "" || aborts) queues[meant.client]?.push({ client: meant.client, bytes, aborts });
    });
  });
  const order = [];
  while (queues.some((queue) => queue.length > 0)) {
    for (const queue of queues) {
      const next = queue.shift();
      if (next !== undefined) order.push(next);
    }
  }
  return order;
}

class Run {
  readonly gateway = new MemoryGateway({
    services: { app: ["10.0.0.1:80", "10.0.0.2:80"] },
    routes: [{ rule: "PathPrefix(`/app`)" }],
  });
  readonly #clients: (MemoryPeer | null)[] = Array.from({ length: CLIENTS }, () => null);
  readonly got: unknown[] = [];
  readonly ids: (string | undefined)[] = [];

  step(client: number, bytes: string, aborts: boolean): void {
    const peer = this.#peer(client);
    if (bytes !== "") peer.send(bytes);
    if (aborts) peer.fail("ECONNRESET");
    this.#answer();
  }

  /** A client that was turned away or gave up comes back on a new connection. */
  #peer(client: number): MemoryPeer {
    const known = this.#clients[client];
    if (known !== null && known !== undefined && known.ending === "open") return known;
    if (known?.ending === "fin") known.end();
    const fresh = this.gateway.client(`192.0.2.${client + 1}`);
    this.#clients[client] = fresh;
    return fresh;
  }

  #answer(): void {
    for (const { peer } of this.gateway.transport.dials) {
      if (peer.ending !== "open" || peer.bytes.length === 0) continue;
      let messages: Http1Message[];
      try {
        messages = requestsTo(peer);
      } catch {
        continue;
      }
      peer.take();
      for (const message of messages) {
        this.got.push(seen(message));
        this.ids.push(fieldValue(message.fields, "x-request-id"), fieldValue(message.fields, "traceparent"));
      }
      peer.send(ok("done", "X-Answer: 1"));
    }
  }

  end(): void {
    assertClean(this.gateway, ...this.#clients.filter((client) => client !== null));
  }
}

test("no request ever holds a byte of another one, whatever clients send, break off and mix", () => {
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 30 }), (plan) => {
      const run = new Run();
      for (const { client, bytes, aborts } of interleave(plan)) run.step(client, bytes, aborts);
      const expected = plan
        .map((meant, index) => ({ meant, index }))
        .filter(({ meant }) => ["get", "length", "chunked"].includes(meant.kind))
        .map(({ meant, index }) => JSON.stringify(expectation(meant, index)));
      assert.deepEqual(run.got.map((each) => JSON.stringify(each)).toSorted(), expected.toSorted());
      assert.equal(new Set(run.ids).size, run.ids.length, "ids are never used twice");
      run.end();
    }),
    { numRuns: 60 },
  );
});

test("a malformed head leaves nothing for the next client that uses the same state", () => {
  const gateway = new MemoryGateway();
  for (let i = 0; i < 5; i++) {
    const bad = gateway.client("192.0.2.66");
    bad.send(`GET /secret HTTP/1.1\r\nHost: secret.example\r\nCookie: secret\r\nBad Name: secret\r\n\r\n`);
    assert.equal(answersTo(bad)[0]?.status, 400);
    bad.end();
    const good = gateway.client();
    good.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.doesNotMatch(gateway.backend().text, /secret/);
    gateway.backend().send(ok("x"));
    good.end();
  }
  assertClean(gateway);
});
