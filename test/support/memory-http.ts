/** Messages for tests over the memory transport: what clients and backends say, and reading what they were told. */
import assert from "node:assert/strict";
import type { MemoryGateway } from "./memory-gateway.ts";
import type { MemoryPeer } from "./memory-peer.ts";
import { type Http1Message, parseRequest, parseResponse, statusOf } from "./strict-http1.ts";

export function get(path: string, ...lines: string[]): string {
  return [`GET ${path} HTTP/1.1`, "Host: app.example", ...lines, "", ""].join("\r\n");
}

/** A request with a body of a declared length. */
export function post(path: string, body: string, ...lines: string[]): string {
  const head = [`POST ${path} HTTP/1.1`, "Host: app.example", `Content-Length: ${body.length}`, ...lines];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** The head of a chunked request. */
export function chunkedHead(path: string, ...lines: string[]): string {
  return [`POST ${path} HTTP/1.1`, "Host: app.example", "Transfer-Encoding: chunked", ...lines, "", ""].join(
    "\r\n",
  );
}

export function chunk(data: string): string {
  return `${data.length.toString(16)}\r\n${data}\r\n`;
}

export function response(status: string, body: string, ...lines: string[]): string {
  return [`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...lines, "", body].join("\r\n");
}

export function ok(body: string, ...lines: string[]): string {
  return response("200 OK", body, ...lines);
}

/** The requests that a backend got on this connection; what comes after the last whole one must be nothing. */
export function requestsTo(backend: MemoryPeer): Http1Message[] {
  const messages: Http1Message[] = [];
  let rest = backend.bytes;
  while (rest.length > 0) {
    const result = parseRequest(rest);
    assert.equal(result.kind, "message", `backend got ${JSON.stringify(rest.toString("latin1"))}`);
    messages.push(result.message);
    rest = rest.subarray(result.end);
  }
  return messages;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly message: Http1Message;
}

/** The responses that a client got; `methods` are those of its requests, in order. */
export function answersTo(client: MemoryPeer, ...methods: string[]): Answer[] {
  const answers: Answer[] = [];
  let rest = client.bytes;
  while (rest.length > 0) {
    const method = methods[answers.length] ?? "GET";
    const result = parseResponse(rest, { method, ended: client.ending !== "open" });
    assert.equal(result.kind, "message", `client got ${JSON.stringify(rest.toString("latin1"))}`);
    const { message } = result;
    answers.push({ status: statusOf(message), body: message.body.toString("latin1"), message });
    rest = rest.subarray(result.end);
  }
  return answers;
}

/** `status body` of each answer. */
export function told(client: MemoryPeer, ...methods: string[]): string[] {
  return answersTo(client, ...methods).map(({ status, body }) => `${status} ${body.trimEnd()}`);
}

/** Everybody leaves; nothing may be left of them. */
export function assertClean(gateway: MemoryGateway, ...clients: MemoryPeer[]): void {
  for (const client of clients) if (client.ending === "open" || client.ending === "fin") client.end();
  gateway.advance(70_000);
  gateway.stop();
  assert.deepEqual(gateway.gauges, {});
}
