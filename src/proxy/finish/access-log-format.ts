/**
 * One exchange as one line of the access log: JSON with the keys of feature row A19.2 and what
 * explains a request (ids, timings, bytes both ways, why it ended), or the NCSA common format.
 * Lines are ASCII: whatever else a client sent is escaped.
 */
import { FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import { HTTP_VERSION_NAMES } from "../../wire/http/message.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { TRACE_END, TRACE_START } from "../exchange/trace-context.ts";
import type { LineWriter } from "./line-writer.ts";
import type { LogTime } from "./log-time.ts";

/** Longer values are cut: a log line is for people and dashboards. */
const MAX_VALUE_BYTES = 2048;

/** As for values: names of listeners, routes, services and backends are as long as the configuration makes them. */
const MAX_NAME_CHARS = 256;

/** No line is longer: four values that are cut, each octet escaped to six, and what is ours. */
export const MAX_LINE_BYTES = 4 * 6 * MAX_VALUE_BYTES + 8192;

const piece = (text: string): Uint8Array => Buffer.from(text, "latin1");

const TIMESTAMP = piece('{"timestamp":"');
const CLIENT_IP = piece('","client_ip":"');
const METHOD = piece('","method":"');
const HOST = piece('","host":"');
const PATH = piece('","path":"');
const PROTOCOLS = HTTP_VERSION_NAMES.map((name) => piece(`","protocol":"${name}","status":`));
const REQUEST_BYTES = piece(',"request_bytes":');
const RESPONSE_BYTES = piece(',"response_bytes":');
const DURATION = piece(',"duration_ms":');
const ATTEMPTS = piece(',"attempts":');
const UPSTREAM = piece(',"upstream_ms":');
const REQUEST_ID = piece(',"request_id":"');
const TRACE_ID = piece('","trace_id":"');
const USER_AGENT = piece('","user_agent":"');
const REASON = piece('","reason":"');
const DETAIL = piece('","detail":"');
const END = piece('"}\n');

/** `status`: what the client was sent; 0 when nothing was. */
export function writeJson(line: LineWriter, exchange: Exchange, status: number, time: LogTime): void {
  const { request } = exchange;
  line.constant(TIMESTAMP);
  line.ascii(time.rfc3339(exchange.startWallMs));
  line.constant(CLIENT_IP);
  line.ascii(exchange.clientIp);
  line.constant(METHOD);
  line.ascii(request.method);
  line.constant(HOST);
  line.text(request.authority, MAX_VALUE_BYTES);
  line.constant(PATH);
  line.text(request.path, MAX_VALUE_BYTES);
  line.constant(PROTOCOLS[request.version] as Uint8Array);
  line.integer(status);
  writeNumbers(line, exchange, time.nowMs);
  writeWay(line, exchange);
  writeIds(line, exchange);
  const userAgent = request.fields.find(FieldId.userAgent);
  if (userAgent !== -1) writeValue(line, USER_AGENT, request.fields, userAgent);
  writeReason(line, exchange);
  line.constant(END);
}

function writeIds(line: LineWriter, exchange: Exchange): void {
  const { fields } = exchange.request;
  const { requestIdField, traceField } = exchange;
  line.constant(REQUEST_ID);
  if (requestIdField !== -1) {
    line.octets(fields.bytes, fields.valueStart(requestIdField), fields.valueEnd(requestIdField));
  }
  line.constant(TRACE_ID);
  if (traceField === -1) return;
  const trace = fields.valueStart(traceField);
  line.octets(fields.bytes, trace + TRACE_START, trace + TRACE_END);
}

function writeNumbers(line: LineWriter, exchange: Exchange, nowMs: number): void {
  line.constant(REQUEST_BYTES);
  line.integer(exchange.requestBytes);
  line.constant(RESPONSE_BYTES);
  line.integer(exchange.responseBytes);
  line.constant(DURATION);
  line.milliseconds(nowMs - exchange.startMs);
}

/** Listener, route, service and backend: encoded once per generation, as they are the same for many lines. */
function writeWay(line: LineWriter, exchange: Exchange): void {
  const { route, backend } = exchange;
  line.constant(exchange.listener.logPart);
  if (route !== null) line.constant(route.logPart);
  if (backend === null) return;
  line.constant(backend.logPart);
  line.constant(ATTEMPTS);
  line.integer(exchange.attempts);
  if (exchange.responseHeadMs === 0) return;
  line.constant(UPSTREAM);
  line.milliseconds(exchange.responseHeadMs - exchange.pickMs);
}

function writeValue(line: LineWriter, name: Uint8Array, fields: Fields, index: number): void {
  const start = fields.valueStart(index);
  line.constant(name);
  line.octets(fields.bytes, start, Math.min(fields.valueEnd(index), start + MAX_VALUE_BYTES));
}

function writeReason(line: LineWriter, exchange: Exchange): void {
  if (exchange.fault === null) return;
  line.constant(REASON);
  line.ascii(exchange.fault.code);
  if (exchange.fault.detail === "") return;
  line.constant(DETAIL);
  line.text(exchange.fault.detail, MAX_VALUE_BYTES);
}

const COMMON_TIME = piece(" - - [");
const COMMON_REQUEST = piece('] "');
const COMMON_STATUS = piece('" ');
const SPACE = piece(" ");
const NONE = piece("-");
const LF = piece("\n");

/** `client - - [time] "request line" status bytes`, as NCSA httpd wrote it. */
export function writeCommon(line: LineWriter, exchange: Exchange, status: number, time: LogTime): void {
  const { request } = exchange;
  line.ascii(exchange.clientIp);
  line.constant(COMMON_TIME);
  line.ascii(time.common(exchange.startWallMs));
  line.constant(COMMON_REQUEST);
  if (request.method === "") {
    line.constant(NONE);
  } else {
    line.ascii(request.method);
    line.constant(SPACE);
    line.text(request.path, MAX_VALUE_BYTES);
    line.constant(SPACE);
    line.ascii(HTTP_VERSION_NAMES[request.version]);
  }
  line.constant(COMMON_STATUS);
  line.integer(status);
  line.constant(SPACE);
  if (exchange.responseBytes === 0) line.constant(NONE);
  else line.integer(exchange.responseBytes);
  line.constant(LF);
}

/** `,"key":"value"` with the value escaped, cut if long, for the parts that a generation encodes once. */
export function logPart(pairs: Readonly<Record<string, string>>): Uint8Array {
  const cut = (_key: string, value: unknown): unknown =>
    typeof value === "string" ? value.slice(0, MAX_NAME_CHARS) : value;
  const text = JSON.stringify(pairs, cut).slice(1, -1);
  const ascii = text.replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return piece(ascii === "" ? "" : `,${ascii}`);
}
