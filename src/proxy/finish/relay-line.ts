/**
 * One relayed connection as one line of the access log, in JSON: the keys of a request's line that have a
 * meaning without HTTP. The common log format is one of requests, and has none.
 */
import { type WordText, wordText } from "../../base/word-text.ts";
import type { Fault } from "../../base/fault.ts";
import type { Peer } from "../exchange/peer.ts";
import type { RouteRuntime } from "../generation.ts";
import type { ListenerCurrent } from "../listener/listener-current.ts";
import type { Backend } from "../upstream/backend.ts";
import type { LineWriter } from "./line-writer.ts";
import type { LogTime } from "./log-time.ts";

/** What is told of a connection. */
export interface RelayRecord {
  readonly peer: Peer;
  readonly protocol: keyof typeof PROTOCOLS;
  /** The host that the client named in its TLS handshake; empty: none. */
  readonly serverName: string;
  readonly startMs: number;
  readonly startWallMs: number;
  readonly current: ListenerCurrent;
  readonly route: RouteRuntime | undefined;
  readonly backend: Pick<Backend, "logParts"> | null;
  readonly attempts: number;
  /** When the last backend was picked, and when it was connected; 0: it was not. */
  readonly pickMs: number;
  readonly connectedMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly fault: Fault | null;
}

/** Longer details are cut: a log line is for people and dashboards. */
const MAX_DETAIL_CHARS = 2048;
/** RFC 1035 section 2.3.4. */
const MAX_HOST_CHARS = 255;

const CLIENT_IP = wordText('Z","client_ip":"');
const HOST = wordText('","host":"');
/** What the gateway ends of the connection, under what it knows nothing of. */
const PROTOCOLS = {
  TLS: wordText('","protocol":"TLS","request_bytes":'),
  QUIC: wordText('","protocol":"QUIC","request_bytes":'),
} as const;
const RESPONSE_BYTES = wordText(',"response_bytes":');
const DURATION = wordText(',"duration_ms":');
const UPSTREAM = wordText(',"upstream_ms":');
const REASON = wordText(',"reason":"');
const DETAIL = wordText('","detail":"');
const QUOTE = wordText('"');
const END = wordText("}\n");

/** `time` was made with `JSON_START`. */
export function writeRelay(line: LineWriter, record: RelayRecord, endMs: number, time: LogTime): void {
  time.rfc3339(line, record.startWallMs);
  line.constant(CLIENT_IP);
  line.constant(record.peer.text);
  line.constant(HOST);
  line.text(record.serverName, MAX_HOST_CHARS);
  line.constant(PROTOCOLS[record.protocol]);
  line.integer(record.requestBytes);
  line.constant(RESPONSE_BYTES);
  line.integer(record.responseBytes);
  line.constant(DURATION);
  line.milliseconds(endMs - record.startMs);
  writeWay(line, record);
  if (record.fault !== null) writeFault(line, record.fault);
  line.constant(END);
}

function writeWay(line: LineWriter, record: RelayRecord): void {
  const { route, backend, current } = record;
  const way: WordText = route === undefined ? current.runtime.logPart : route.logPart;
  line.constant(way);
  if (backend === null) return;
  line.constant(backend.logParts.upToAttempts);
  line.integer(record.attempts);
  if (record.connectedMs === 0) return;
  line.constant(UPSTREAM);
  line.milliseconds(record.connectedMs - record.pickMs);
}

function writeFault(line: LineWriter, fault: Fault): void {
  line.constant(REASON);
  line.ascii(fault.code);
  if (fault.detail !== "") {
    line.constant(DETAIL);
    line.text(fault.detail, MAX_DETAIL_CHARS);
  }
  line.constant(QUOTE);
}
