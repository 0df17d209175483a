/**
 * Runs all llhttp vectors through the decoders. An `ok` vector must give the very messages of its log
 * (method, target, status, fields, body, trailers), an `error` vector must be refused; where a proxy
 * judges otherwise, `llhttp-rules.ts` says how and why. Most vectors are fragments without Host, so the
 * decoder runs with the one option that lets them be.
 */
import { DEFAULT_H1_LIMITS } from "../../src/wire/h1/h1-limits.ts";
import {
  POLICY,
  type RequestRecord,
  type ResponseRecord,
  type Transcript,
  transcribeRequests,
  transcribeResponses,
} from "../../test/support/h1-transcript.ts";
import type { CaseResult } from "./gateway-probe.ts";
import { type LlhttpCase, loadLlhttpCases, type LoggedMessage } from "./llhttp-log.ts";
import { ruleFor } from "./llhttp-rules.ts";

/** Put behind what must be refused: it must not be the end of the bytes that does it. */
const LINE_ENDS = Buffer.from("\r\n\r\n", "latin1");

type AnyTranscript = Transcript<RequestRecord> | Transcript<ResponseRecord>;

/** Results in the order of the file. */
export function runCodecLlhttp(file: URL): CaseResult[] {
  return loadLlhttpCases(file).map((testCase) => ({ id: testCase.id, problem: problemOf(testCase) }));
}

function problemOf(testCase: LlhttpCase): string | undefined {
  for (const pieces of [undefined, [1], [5, 2]]) {
    const problem = judge(testCase, pieces);
    if (problem !== undefined) return `${problem} (in pieces of ${String(pieces)})`;
  }
  return undefined;
}

function judge(testCase: LlhttpCase, pieces: readonly number[] | undefined): string | undefined {
  const run = (bytes: Buffer, finish: boolean) => transcribe(testCase, bytes, pieces, finish);
  const bytes = messageOf(testCase);
  const refused = (reason: string) => refusal(run(Buffer.concat([bytes, LINE_ENDS]), false), reason);
  const rule = ruleFor(testCase);
  if (rule?.outcome === "refuse") return refused(rule.reason);
  if (rule?.outcome === "accept") {
    const seen = run(Buffer.concat([bytes, LINE_ENDS]), true);
    const accepted = seen.fault === "" && seen.messages[0]?.ended === true;
    return accepted ? undefined : `must be accepted: ${rule.reason}; ${seen.fault} ${seen.detail}`;
  }
  if (testCase.finish !== -1) return judgeFinish(testCase, run(bytes, true));
  if (testCase.verdict === "error" && !testCase.reason.startsWith("Pause")) {
    return refused(testCase.reason) ?? completed(testCase, run(bytes, true));
  }
  if (testCase.type === "url") return judgeUrl(testCase, run(bytes, false));
  return judgeMessages(testCase, run);
}

/** A vector that is only a target stands in a request here. */
function messageOf(testCase: LlhttpCase): Buffer {
  if (testCase.type !== "url") return testCase.bytes;
  return Buffer.from(`GET ${testCase.bytes.latin1Slice()} HTTP/1.1\r\nHost: a\r\n\r\n`, "latin1");
}

function transcribe(
  testCase: LlhttpCase,
  bytes: Buffer,
  pieces: readonly number[] | undefined,
  finish: boolean,
): AnyTranscript {
  const options = { finish, limits: DEFAULT_H1_LIMITS, ...(pieces === undefined ? {} : { pieces }) };
  if (!testCase.type.startsWith("response")) {
    return transcribeRequests(bytes, { ...options, policy: { ...POLICY, requireHost: false } });
  }
  // llhttp is told by its caller that a response has no body; here it is the request's method that says so.
  return transcribeResponses(bytes, { ...options, methods: testCase.skipsBody ? ["HEAD", "HEAD"] : [] });
}

/** Refused: by a fault, or as bytes that nobody reads behind a message that ends the connection. */
function refusal(seen: AnyTranscript, reason: string): string | undefined {
  return seen.fault !== "" || seen.rest > LINE_ENDS.length ? undefined : `must be refused: ${reason}`;
}

function completed(testCase: LlhttpCase, seen: AnyTranscript): string | undefined {
  const expected = testCase.messages.filter((message) => message.complete).length;
  const got = seen.messages.filter((message) => message.ended).length;
  return got === expected ? undefined : `${got} messages complete before the fault, not ${expected}`;
}

/** `ok`, and the pauses at an upgrade: the messages of the log, one by one. */
function judgeMessages(
  testCase: LlhttpCase,
  run: (bytes: Buffer, finish: boolean) => AnyTranscript,
): string | undefined {
  const refusedTarget = testCase.messages.some((message) => message.url.includes("#"));
  if (refusedTarget && run(testCase.bytes, true).fault !== "bad_request") return "a fragment must be refused";
  const seen = run(withoutFragments(testCase), false);
  if (seen.fault !== "") return `must be accepted; ${seen.fault} ${seen.detail}`;
  // A request whose caller told llhttp that it has no body does not exist in HTTP: the body is awaited.
  const expected = testCase.skipsBody && testCase.type === "request" ? 1 : testCase.messages.length;
  if (seen.messages.length !== expected) return `${seen.messages.length} messages, not ${expected}`;
  for (const [index, message] of seen.messages.entries()) {
    const logged = testCase.messages[index] as LoggedMessage;
    const problem = testCase.skipsBody ? undefined : differs(testCase, message, logged);
    if (problem !== undefined) return `message ${index}: ${problem}`;
  }
  if (!testCase.reason.startsWith("Pause")) return undefined;
  return seen.messages.at(-1)?.upgrade === "" ? "the upgrade was not seen" : undefined;
}

/** The same message with `-` for the `#` of its targets, so that the rest of it is judged as well. */
function withoutFragments(testCase: LlhttpCase): Buffer {
  let text = testCase.bytes.latin1Slice();
  for (const { url } of testCase.messages) text = text.replace(` ${url} `, ` ${url.replaceAll("#", "-")} `);
  return Buffer.from(text, "latin1");
}

function differs(
  testCase: LlhttpCase,
  message: RequestRecord | ResponseRecord,
  logged: LoggedMessage,
): string | undefined {
  if (message.ended !== logged.complete && logged.status !== 101) return `complete: ${message.ended}`;
  if ("method" in message) {
    if (message.method !== logged.method) return `method ${message.method}`;
    const target = logged.url.replaceAll("#", "-");
    if (targetOf(message, target) !== target) return `target ${message.path}`;
  } else if (message.status !== logged.status) {
    return `status ${message.status}`;
  }
  if (testCase.drifted) return undefined;
  const fields = logged.fields.filter(([name]) => !isTaken(name, "method" in message));
  if (JSON.stringify(message.fields) !== JSON.stringify(fields))
    return `fields ${JSON.stringify(message.fields)}`;
  if (JSON.stringify(message.trailers) !== JSON.stringify(logged.trailers)) return "trailers";
  return message.body === logged.body ? undefined : `body ${JSON.stringify(message.body)}`;
}

/** The absolute form put together again, with the path as it was spelt. */
function targetOf(message: RequestRecord, target: string): string {
  if (!target.startsWith("http://")) return message.path;
  const absolute = `http://${message.authority}${message.path}`;
  return absolute === target ? absolute : `http://${message.authority}${message.path.slice(1)}`;
}

/** Framing fields and Host are in the head, not among the fields. */
function isTaken(name: string, isRequest: boolean): boolean {
  const lower = name.toLowerCase();
  return lower === "content-length" || lower === "transfer-encoding" || (isRequest && lower === "host");
}

function judgeFinish(testCase: LlhttpCase, seen: AnyTranscript): string | undefined {
  switch (testCase.finish) {
    case 0:
      return seen.fault === "" ? undefined : `finish must be safe; ${seen.fault}`;
    case 1:
      return seen.fault === "" && seen.messages.at(-1)?.ended ? undefined : "finish must end the message";
    default:
      return seen.fault === "" ? "finish must be unsafe" : undefined;
  }
}

function judgeUrl(testCase: LlhttpCase, seen: AnyTranscript): string | undefined {
  const url = testCase.bytes.latin1Slice();
  const [message] = seen.messages;
  if (message === undefined || !("path" in message)) return `must be accepted; ${seen.fault} ${seen.detail}`;
  return targetOf(message, url) === url ? undefined : `target ${message.authority} ${message.path}`;
}
