/**
 * What the gateway would send on for a request that it accepted, and the checks that this is one
 * unambiguous message: our own decoder reads the same back, and so does the independent parser of the
 * tests. Used by the codec's conformance runners and fuzzer.
 */
import {
  CHUNK_END,
  encodeChunkHead,
  encodeLastChunk,
  lastChunkLength,
} from "../../src/wire/h1/encode-chunk.ts";
import { Fields } from "../../src/wire/http/fields.ts";
import { UNKNOWN_LENGTH } from "../../src/wire/http/message.ts";
import {
  type RequestRecord,
  type ResponseRecord,
  transcribeRequests,
  transcribeResponses,
} from "./h1-transcript.ts";
import { parseRequest } from "./strict-http1.ts";

/** The whole canonical message of a request that has ended. */
export function canonicalRequest(record: RequestRecord): Buffer {
  const body = Buffer.from(record.body, "latin1");
  const head = Buffer.from(record.canonicalHead, "latin1");
  return Buffer.concat([head, record.bodyLength === UNKNOWN_LENGTH ? chunked(body, record) : body]);
}

/** What is wrong with the canonical form of the record; undefined when nothing is. */
export function canonicalProblem(record: RequestRecord): string | undefined {
  const bytes = canonicalRequest(record);
  const again = transcribeRequests(bytes, { finish: true, policy: LENIENT_NAMES });
  const [message] = again.messages;
  if (again.fault !== "") return `the canonical form is refused: ${again.fault} ${again.detail}`;
  if (again.messages.length !== 1 || message === undefined || !message.ended || again.rest !== 0) {
    return "the canonical form is not exactly one message";
  }
  if (essence(message) !== essence(record))
    return `the canonical form says ${essence(message)}, not ${essence(record)}`;
  if (canonicalRequest(message).compare(bytes) !== 0) return "the canonical form has another canonical form";
  return oracleProblem(bytes, record);
}

/** As `canonicalProblem`, for a final response that has ended, sent to a client of HTTP/1.1. */
export function canonicalResponseProblem(record: ResponseRecord): string | undefined {
  const isChunked = record.hasBody && record.bodyLength === UNKNOWN_LENGTH && record.keepAlive;
  const body = Buffer.from(record.body, "latin1");
  const bytes = Buffer.concat([
    Buffer.from(record.canonicalHead, "latin1"),
    isChunked ? chunked(body, record) : body,
  ]);
  const again = transcribeResponses(bytes, { finish: true, methods: [record.requestMethod] });
  const [message] = again.messages;
  if (again.fault !== "") return `the canonical form is refused: ${again.fault} ${again.detail}`;
  if (again.messages.length !== 1 || message === undefined || !message.ended || again.rest !== 0) {
    return "the canonical form is not exactly one message";
  }
  const essence = ({ status, bodyLength, hasBody, body }: ResponseRecord) =>
    JSON.stringify({ status, bodyLength, hasBody, body });
  return essence(message) === essence(record)
    ? undefined
    : `the canonical form says ${essence(message)}, not ${essence(record)}`;
}

/** Underscores were judged when the request came in. */
const LENIENT_NAMES = { headerUnderscorePolicy: "allow", strictTe: false } as const;

function essence(record: RequestRecord): string {
  const { method, path, bodyLength, fields, body, trailers } = record;
  return JSON.stringify({ method, path, bodyLength, fields, body, trailers });
}

function oracleProblem(bytes: Buffer, record: RequestRecord): string | undefined {
  const parsed = parseRequest(bytes);
  if (parsed.kind !== "message") return `the independent parser says ${JSON.stringify(parsed)}`;
  if (parsed.end !== bytes.length) return "the independent parser sees bytes behind the message";
  const { message } = parsed;
  const wrong =
    message.startLine !== `${record.method} ${record.path} HTTP/1.1` ||
    message.body.latin1Slice() !== record.body ||
    JSON.stringify(message.trailers) !== JSON.stringify(record.trailers);
  return wrong ? "the independent parser sees another message" : undefined;
}

function chunked(body: Buffer, record: RequestRecord | ResponseRecord): Buffer {
  const trailers = new Fields();
  for (const [name, value] of record.trailers) trailers.addNamed(name, value);
  const out = Buffer.alloc(body.length + 64 + lastChunkLength(trailers));
  let to = 0;
  if (body.length > 0) {
    to = encodeChunkHead(out, to, body.length);
    to += body.copy(out, to);
    to += CHUNK_END.copy(out, to);
  }
  return out.subarray(0, encodeLastChunk(out, to, trailers));
}
