/**
 * One exchange as one line of the access log: JSON with the keys of feature row A19.2 and what
 * explains a request (ids, timings, bytes both ways, why it ended), or the NCSA common format.
 * Lines are ASCII: whatever else a client sent is escaped.
 */
import "../../base/latin1.ts";
import { WORD_SLACK_BYTES, type WordText, wordText } from "../../base/word-text.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import { HTTP_VERSION_NAMES, type RequestHead } from "../../wire/http/message.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { TRACE_END, TRACE_START } from "../exchange/trace-context.ts";
import { LineWriter } from "./line-writer.ts";
import type { LogTime } from "./log-time.ts";

/** Longer values are cut: a log line is for people and dashboards. */
const MAX_VALUE_BYTES = 2048;

/** As for values: names of listeners, routes, services and backends are as long as the configuration makes them. */
const MAX_NAME_CHARS = 256;

/** What an octet is escaped to. */
const ESCAPED_BYTES = 6;

/** No line is longer: four values that are cut, each octet escaped, and what is ours with the slack behind it. */
export const MAX_LINE_BYTES = 4 * ESCAPED_BYTES * MAX_VALUE_BYTES + 8192;

/** What stands in front of the timestamp, for `LogTime`. */
export const JSON_START = '{"timestamp":"';

const CLIENT_IP = wordText('Z","client_ip":"');
const METHOD = wordText('","method":"');
const HOST = wordText('","host":"');
/** The method that most requests have, with what is before it. */
const METHOD_GET = wordText('","method":"GET');
const PATH = wordText('","path":"');
const PROTOCOLS = HTTP_VERSION_NAMES.map((name) => wordText(`","protocol":"${name}","status":`));
const REQUEST_BYTES = wordText(',"request_bytes":');
const RESPONSE_BYTES = wordText(',"response_bytes":');
/** What stands there for most requests: no body of theirs, and all went well. */
const PLAIN_STATUS = 200;
const PLAIN_NUMBERS = HTTP_VERSION_NAMES.map((name) =>
  wordText(`","protocol":"${name}","status":${PLAIN_STATUS},"request_bytes":0,"response_bytes":`),
);
const DURATION = wordText(',"duration_ms":');
const UPSTREAM_KEY = ',"upstream_ms":';
const UPSTREAM = wordText(UPSTREAM_KEY);
const REQUEST_ID = wordText(',"request_id":"');
const TRACE_ID = wordText('","trace_id":"');
const USER_AGENT = wordText('","user_agent":"');
const REASON = wordText('","reason":"');
const DETAIL = wordText('","detail":"');
const END = wordText('"}\n');

/** `status`: what the client was sent; 0 when nothing was. `time` was made with `JSON_START`. */
export function writeJson(line: LineWriter, exchange: Exchange, status: number, time: LogTime): void {
  const { request } = exchange;
  time.rfc3339(line, exchange.startWallMs);
  line.constant(CLIENT_IP);
  if (exchange.clientIp === exchange.peer.ip) line.constant(exchange.peer.text);
  else line.ascii(exchange.clientIp);
  if (request.method === "GET") {
    line.constant(METHOD_GET);
  } else {
    line.constant(METHOD);
    line.ascii(request.method);
  }
  if (exchange.host === null) {
    line.constant(HOST);
    line.text(request.authority, MAX_VALUE_BYTES);
    line.constant(PATH);
  } else {
    line.constant(exchange.host.logPart);
  }
  writeTarget(line, request);
  writeNumbers(line, exchange, status);
  writeWay(line, exchange);
  writeIds(line, exchange);
  const userAgent = request.fields.find(FieldId.userAgent);
  if (userAgent !== -1) writeValue(line, USER_AGENT, request.fields, userAgent);
  writeReason(line, exchange);
  line.constant(END);
}

function writeTarget(line: LineWriter, request: RequestHead): void {
  const { targetStart, targetEnd } = request;
  line.octets(request.fields.view, targetStart, Math.min(targetEnd, targetStart + MAX_VALUE_BYTES));
}

function writeIds(line: LineWriter, exchange: Exchange): void {
  const { fields } = exchange.request;
  const { requestIdField, traceField } = exchange;
  line.constant(REQUEST_ID);
  if (requestIdField !== -1) {
    line.plain(fields.view, fields.valueStart(requestIdField), fields.valueEnd(requestIdField));
  }
  line.constant(TRACE_ID);
  if (traceField === -1) return;
  const trace = fields.valueStart(traceField);
  line.plain(fields.view, trace + TRACE_START, trace + TRACE_END);
}

function writeNumbers(line: LineWriter, exchange: Exchange, status: number): void {
  const { version } = exchange.request;
  if (status === PLAIN_STATUS && exchange.requestBytes === 0) {
    line.constant(PLAIN_NUMBERS[version] as WordText);
  } else {
    line.constant(PROTOCOLS[version] as WordText);
    line.integer(status);
    line.constant(REQUEST_BYTES);
    line.integer(exchange.requestBytes);
    line.constant(RESPONSE_BYTES);
  }
  line.integer(exchange.responseBytes);
  line.constant(DURATION);
  line.milliseconds(exchange.endMs - exchange.startMs);
}

/** Listener, route, service and backend: encoded once per generation, as they are the same for many lines. */
function writeWay(line: LineWriter, exchange: Exchange): void {
  const { route, backend } = exchange;
  line.constant(route === null ? exchange.listener.logPart : route.logPart);
  if (backend === null) return;
  const answered = exchange.responseHeadMs !== 0;
  if (answered && exchange.attempts === 1) {
    line.constant(backend.logParts.answeredAtOnce);
  } else {
    line.constant(backend.logParts.upToAttempts);
    line.integer(exchange.attempts);
    if (!answered) return;
    line.constant(UPSTREAM);
  }
  line.milliseconds(exchange.responseHeadMs - exchange.pickMs);
}

function writeValue(line: LineWriter, name: WordText, fields: Fields, index: number): void {
  const start = fields.valueStart(index);
  line.constant(name);
  line.octets(fields.view, start, Math.min(fields.valueEnd(index), start + MAX_VALUE_BYTES));
}

function writeReason(line: LineWriter, exchange: Exchange): void {
  if (exchange.fault === null) return;
  line.constant(REASON);
  line.ascii(exchange.fault.code);
  if (exchange.fault.detail === "") return;
  line.constant(DETAIL);
  line.text(exchange.fault.detail, MAX_VALUE_BYTES);
}

const COMMON_TIME = wordText(" - - [");
const COMMON_REQUEST = wordText('] "');
const COMMON_STATUS = wordText('" ');
const SPACE = wordText(" ");
const NONE = wordText("-");
const LF = wordText("\n");

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
    writeTarget(line, request);
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
export function logPart(pairs: Readonly<Record<string, string>>): WordText {
  return wordText(logPartText(pairs));
}

/** A backend in the lines of the access log. */
export interface BackendLogParts {
  /** Up to the number of attempts, which is to follow. */
  readonly upToAttempts: WordText;
  /** Up to the time that it took, for a request that the first attempt got an answer to. */
  readonly answeredAtOnce: WordText;
}

export function backendLogParts(address: string): BackendLogParts {
  const start = `${logPartText({ backend: address })},"attempts":`;
  return { upToAttempts: wordText(start), answeredAtOnce: wordText(`${start}1${UPSTREAM_KEY}`) };
}

/** The host, from the end of the value before it to the beginning of the path. */
export function hostLogPart(authority: string): WordText {
  const most = ESCAPED_BYTES * Math.min(authority.length, MAX_VALUE_BYTES);
  const line = new LineWriter(Buffer.allocUnsafe(HOST.length + most + PATH.length + WORD_SLACK_BYTES));
  line.constant(HOST);
  line.text(authority, MAX_VALUE_BYTES);
  line.constant(PATH);
  return wordText(line.target.latin1Slice(0, line.position));
}

function logPartText(pairs: Readonly<Record<string, string>>): string {
  const cut = (_key: string, value: unknown): unknown =>
    typeof value === "string" ? value.slice(0, MAX_NAME_CHARS) : value;
  const text = JSON.stringify(pairs, cut).slice(1, -1);
  const ascii = text.replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return ascii === "" ? "" : `,${ascii}`;
}
