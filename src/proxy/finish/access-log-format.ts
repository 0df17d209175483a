/**
 * One exchange as one line of the access log: JSON with the keys of feature row A19.2 and what
 * explains a request (ids, timings, bytes both ways, why it ended), or the NCSA common format.
 * Lines are ASCII: whatever else a client sent is escaped.
 */
import type { CivilTime } from "../../wire/http/civil-time.ts";
import { civilTime } from "../../wire/http/civil-time.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { HTTP_VERSION_NAMES } from "../../wire/http/message.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** What the exchange itself does not hold. */
export interface AccessEntry {
  /** What the client was sent; 0 when nothing was. */
  readonly status: number;
  readonly nowMs: number;
}

/** Longer values are cut: a log line is for people and dashboards. */
const MAX_VALUE_LENGTH = 2048;

export function formatJson(exchange: Exchange, entry: AccessEntry): string {
  const { request, backend, route, listener } = exchange;
  const userAgent = request.fields.get(FieldId.userAgent);
  let line = `{"timestamp":"${timestamp(exchange.startWallMs)}","client_ip":"${exchange.clientIp}","method":"${request.method}","host":"${text(request.authority)}","path":"${text(request.path)}","protocol":"${HTTP_VERSION_NAMES[request.version]}","status":${entry.status},"request_bytes":${exchange.requestBytes},"response_bytes":${exchange.responseBytes},"duration_ms":${ms(entry.nowMs - exchange.startMs)},"listener":"${text(listener.plan.name)}"`;
  if (route !== null) line += `,"route":"${text(route.plan.name)}","service":"${text(route.service.plan.name)}"`;
  if (backend !== null) {
    line += `,"backend":"${text(backend.plan.address)}","attempts":${exchange.attempts}`;
    if (exchange.responseHeadMs !== 0) line += `,"upstream_ms":${ms(exchange.responseHeadMs - exchange.pickMs)}`;
  }
  line += `,"request_id":"${text(exchange.requestId)}","trace_id":"${exchange.traceId}"`;
  if (userAgent !== undefined) line += `,"user_agent":"${text(userAgent)}"`;
  if (exchange.fault !== null) {
    line += `,"reason":"${exchange.fault.code}"`;
    if (exchange.fault.detail !== "") line += `,"detail":"${text(exchange.fault.detail)}"`;
  }
  return `${line}}\n`;
}

/** `client - - [time] "request line" status bytes`, as NCSA httpd wrote it. */
export function formatCommon(exchange: Exchange, entry: AccessEntry): string {
  const { request } = exchange;
  const line = request.method === "" ? "-" : `${request.method} ${request.path} ${HTTP_VERSION_NAMES[request.version]}`;
  const bytes = exchange.responseBytes === 0 ? "-" : String(exchange.responseBytes);
  return `${exchange.clientIp} - - [${commonTime(exchange.startWallMs)}] "${text(line)}" ${entry.status} ${bytes}\n`;
}

/** Milliseconds with three digits after the point, as a short number. */
function ms(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Escapes for a JSON string, which common-format readers understand as well. */
function text(value: string): string {
  const cut = value.length > MAX_VALUE_LENGTH ? value.slice(0, MAX_VALUE_LENGTH) : value;
  for (let i = 0; i < cut.length; i++) {
    const code = cut.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return escape(cut);
  }
  return cut;
}

function escape(value: string): string {
  let escaped = "";
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0x22 || code === 0x5c) escaped += `\\${value[i]}`;
    else if (code < 0x20 || code > 0x7e) escaped += `\\u${code.toString(16).padStart(4, "0")}`;
    else escaped += value[i];
  }
  return escaped;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

function commonTime(wallMs: number): string {
  const time = civilTime(wallMs);
  return `${two(time.day)}/${MONTHS[time.month - 1]}/${time.year}:${clock(time)} +0000`;
}

/** RFC 3339 in UTC, with milliseconds. */
function timestamp(wallMs: number): string {
  const time = civilTime(wallMs);
  const fraction = String(1000 + (Math.floor(wallMs) % 1000)).slice(1);
  return `${time.year}-${two(time.month)}-${two(time.day)}T${clock(time)}.${fraction}Z`;
}

function clock(time: CivilTime): string {
  return `${two(time.hour)}:${two(time.minute)}:${two(time.second)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
