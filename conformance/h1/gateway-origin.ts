/**
 * The origin behind the gateway in the probe run: a small, correct HTTP/1.1 server (RFC 9110), so
 * that cases about an origin's duty (405 with Allow, validators, Date, cookies) are judged end to end.
 * Every answer carries `X-Origin`, which tells it from an answer of the gateway's own.
 */
import type { Answer, RecordedRequest, Script } from "../../test/support/recording-backend.ts";

export const ETAG = '"5f3a-1"';
const LAST_MODIFIED = "Tue, 03 Nov 2026 10:00:00 GMT";
const ALLOW = "GET, HEAD, POST, OPTIONS";

interface Reply {
  readonly status: string;
  readonly lines?: readonly string[];
  /** Absent: an answer without content and without a length (204, 304). */
  readonly body?: Buffer | string;
}

export const origin: Script = (request, answer) => send(request, answer, decide(request));

function decide(request: RecordedRequest): Reply {
  switch (request.method) {
    case "GET":
    case "HEAD":
      return read(request);
    case "POST":
      return post(request);
    case "OPTIONS":
      return { status: "204 No Content", lines: [`Allow: ${ALLOW}`] };
    case "DELETE":
    case "PUT":
    case "PATCH":
    case "TRACE":
      return { status: "405 Method Not Allowed", lines: [`Allow: ${ALLOW}`], body: "method not allowed\n" };
    default:
      return { status: "501 Not Implemented", body: "unknown method\n" };
  }
}

function read(request: RecordedRequest): Reply {
  const path = request.target.split("?")[0];
  if (path === "/echo") return ok(fieldsAsText(request));
  if (path === "/cookie") return ok(cookies(request).join("\n"));
  const validators = [`ETag: ${ETAG}`, `Last-Modified: ${LAST_MODIFIED}`];
  if (notModified(request)) return { status: "304 Not Modified", lines: validators };
  return ok("hello from the origin\n", validators);
}

function post(request: RecordedRequest): Reply {
  return ok(request.target === "/echo" ? fieldsAsText(request) : request.body);
}

function ok(body: Buffer | string, lines: readonly string[] = []): Reply {
  return { status: "200 OK", lines: ["Content-Type: text/plain; charset=utf-8", ...lines], body };
}

/** RFC 9110 section 13.2.2: If-None-Match decides alone when it is there. */
function notModified(request: RecordedRequest): boolean {
  const tags = request.field("if-none-match");
  if (tags !== undefined) {
    if (tags === "*") return true;
    return tags.split(",").some((tag) => tag.trim().replace(/^W\//, "") === ETAG);
  }
  const since = request.field("if-modified-since");
  if (since === undefined) return false;
  const time = Date.parse(since);
  // A date that is invalid or in the future is ignored (RFC 9110 section 13.1.3).
  return !Number.isNaN(time) && time <= Date.now() && time >= Date.parse(LAST_MODIFIED);
}

function fieldsAsText(request: RecordedRequest): Buffer {
  return Buffer.from(request.fields.map(([name, value]) => `${name}: ${value}\n`).join(""), "latin1");
}

function cookies(request: RecordedRequest): string[] {
  const pairs = request.fieldAll("cookie").join("; ").split(";");
  return pairs.map((pair) => pair.trim()).filter((pair) => pair !== "");
}

function send(request: RecordedRequest, answer: Answer, reply: Reply): void {
  const lines = [
    `HTTP/1.1 ${reply.status}`,
    `Date: ${new Date().toUTCString()}`,
    "X-Origin: probe",
    ...(reply.lines ?? []),
  ];
  const body = reply.body === undefined ? undefined : Buffer.from(reply.body);
  if (body !== undefined) lines.push(`Content-Length: ${body.length}`);
  answer.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"));
  if (body !== undefined && request.method !== "HEAD") answer.write(body);
}
