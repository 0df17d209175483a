/**
 * Judges what was seen of a Http11Probe case. The verdicts of the vectors are short phrases; those
 * that only list statuses and "close" are read as such, the others have a judge of their own. Where a
 * verdict prefers one behaviour, only that one passes here.
 */
import type { Observation } from "./gateway-exchange.ts";
import { fieldValue, fieldValues, statusOf, type Http1Message } from "../../test/support/strict-http1.ts";

/** What is wrong, or undefined when the case passes. */
export type Judge = (seen: Observation) => string | undefined;

/** The judge of a case: by its id where the verdict names something particular, else by the verdict. */
export function judgeOf(id: string, expected: string): Judge {
  return BY_ID[id] ?? BY_VERDICT[expected] ?? outcomes(expected);
}

export function firstAnswer(seen: Observation): Http1Message | undefined {
  return seen.answers[0]?.[0];
}

function lastAnswer(seen: Observation): Http1Message | undefined {
  return seen.answers.at(-1)?.[0];
}

function status(answer: Http1Message | undefined): number {
  return answer === undefined ? 0 : statusOf(answer);
}

/** In words, for the report of a failure. */
export function describe(seen: Observation): string {
  const steps = seen.answers.map(
    (answers) => answers.map((answer) => String(statusOf(answer))).join("+") || "nothing",
  );
  return `${steps.join(", then ")}, ${seen.closed ? "closed" : "open"}, ${seen.forwarded.length} forwarded`;
}

/** Verdicts such as `400/501 or close`: the first answer must be one of them. */
function outcomes(expected: string): Judge {
  const words = expected.split(/[/,]| or /).map((word) => word.trim());
  for (const word of words) {
    if (!/^(?:[1-5][0-9]{2}|[2]xx|close|timeout)$/.test(word))
      throw new Error(`unknown verdict: ${expected}`);
  }
  return (seen) => (words.some((word) => matches(word, seen)) ? undefined : `expected ${expected}`);
}

function matches(word: string, seen: Observation): boolean {
  const code = status(firstAnswer(seen));
  switch (word) {
    case "2xx":
      return code >= 200 && code < 300;
    case "close":
      return code === 0 && seen.closed && (seen.garbage === "" || isHttp2(seen.garbage));
    case "timeout":
      return (code === 408 && seen.closed) || (code === 0 && !seen.closed);
    default:
      return code === Number(word);
  }
}

/** SETTINGS on stream 0: whoever begins with the preface of HTTP/2 is answered in HTTP/2 (RFC 9113 section 3.4). */
function isHttp2(text: string): boolean {
  return /^\0[^][^]\x04\0\0\0\0\0/.test(text);
}

const rejected = outcomes("400 or close");
const success = outcomes("2xx");

/** 400 or a close, and nothing else on the connection. */
const rejectedAlone: Judge = (seen) =>
  rejected(seen) ?? check(seen.answers.flat().length <= 1, "an extra response");

function check(holds: boolean, message: string): string | undefined {
  return holds ? undefined : message;
}

function last(code: number): Judge {
  return (seen) => check(status(lastAnswer(seen)) === code, `expected ${code} at the end`);
}

/** 2xx whose body holds each of the texts. */
function bodyHolds(...texts: string[]): Judge {
  return (seen) => {
    const body = firstAnswer(seen)?.body.toString("latin1") ?? "";
    return (
      success(seen) ??
      check(
        texts.every((text) => body.includes(text)),
        `body ${JSON.stringify(body.slice(0, 200))}`,
      )
    );
  };
}

function echoes(body: string): Judge {
  return (seen) =>
    success(seen) ?? check(firstAnswer(seen)?.body.toString() === body, "the body was not echoed");
}

function hasField(answer: Http1Message | undefined, name: string): boolean {
  return answer !== undefined && fieldValue(answer.fields, name) !== undefined;
}

const IMF_FIXDATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;

/** Rejected, or forwarded without the second framing field under any spelling. */
const rejectedOrDropped: Judge = (seen) => {
  if (rejected(seen) === undefined) return undefined;
  const request = seen.forwarded[0];
  if (request === undefined || success(seen) !== undefined)
    return "expected a rejection, or the field dropped";
  const suspicious = request.fields.filter(([name]) => /^(?:content.length|transfer.encoding)$/i.test(name));
  return check(suspicious.length === 1 && request.body.toString() === "hello world", "the field crossed");
};

/** Both requests are answered, each by its own answer, and the body of the first stayed its body. */
const passThrough: Judge = (seen) => {
  if (rejected(seen) === undefined || outcomes("417")(seen) === undefined) return undefined;
  const clean = seen.forwarded.length === 2 && seen.forwarded[0]?.body.toString() === "hello";
  return success(seen) ?? check(clean && status(lastAnswer(seen)) === 200, "the follow-up was poisoned");
};

/** Verdicts that are more than a list of outcomes. */
const BY_VERDICT: Readonly<Record<string, Judge>> = {
  "400 or close (pass), 2xx (warn)": rejected,
  "400, or close (no extra response)": rejectedAlone,
  "400, or close": rejected,
  "400, or 2xx + close": (seen) =>
    check(
      status(firstAnswer(seen)) === 400 ||
        (success(seen) === undefined && seen.closed && seen.answers.flat().length === 1),
      "expected 400, or 2xx and a close",
    ),
  "400 or 2xx+close": (seen) =>
    check(
      status(firstAnswer(seen)) === 400 || (success(seen) === undefined && seen.closed),
      "expected 400, or 2xx and a close",
    ),
  "400/501 or 2xx+close": (seen) =>
    check(
      [400, 501].includes(status(firstAnswer(seen))) || (success(seen) === undefined && seen.closed),
      "expected 400, 501, or 2xx and a close",
    ),
  "2xx + close": (seen) => success(seen) ?? check(seen.closed, "expected a close"),
  "2xx + 2xx": (seen) =>
    success(seen) ??
    check(status(lastAnswer(seen)) === 200 && seen.forwarded.length === 2, "expected a second 2xx"),
  "2xx preferred; 400 warns": success,
  "400 or close preferred; 2xx acceptable": rejected,
  "2xx (Range ignored)": outcomes("200"),
  "2xx (no crash)": success,
  "2xx with no body": (seen) =>
    success(seen) ?? check(firstAnswer(seen)?.body.length === 0 && seen.garbage === "", "a body came"),
  "2xx with Date header": (seen) => success(seen) ?? check(hasField(firstAnswer(seen), "date"), "no Date"),
  "IMF-fixdate format": (seen) =>
    check(
      IMF_FIXDATE.test(fieldValue(firstAnswer(seen)?.fields ?? [], "date") ?? ""),
      "Date is no IMF-fixdate",
    ),
  "2xx with Allow header": (seen) => success(seen) ?? check(hasField(firstAnswer(seen), "allow"), "no Allow"),
  "2xx with Content-Type": (seen) =>
    success(seen) ?? check(hasField(firstAnswer(seen), "content-type"), "no Content-Type"),
  "405 + Allow header": (seen) =>
    outcomes("405")(seen) ?? check(hasField(firstAnswer(seen), "allow"), "no Allow"),
  "204 without CL": (seen) =>
    outcomes("204")(seen) ?? check(!hasField(firstAnswer(seen), "content-length"), "204 with a length"),
  "!101": (seen) =>
    check(
      status(firstAnswer(seen)) > 0 && ![...seen.interim].some((answer) => statusOf(answer) === 101),
      "expected an answer, and not 101",
    ),
  "non-101 (426 preferred)": (seen) =>
    check(status(firstAnswer(seen)) > 0 && seen.interim.length === 0, "expected an answer, and not 101"),
  "non-1xx response": (seen) =>
    check(seen.interim.length === 0 && status(firstAnswer(seen)) >= 200, "a 1xx to HTTP/1.0"),
  "not 414": (seen) =>
    check(
      status(firstAnswer(seen)) !== 414 && status(firstAnswer(seen)) > 0,
      "expected an answer, and not 414",
    ),
  "405/501, or 200 without Auth": outcomes("405/501"),
  "400/431 (rejected) or 2xx (survived)": outcomes("400/431 or 2xx"),
  "400 (rejected) or 2xx without NUL": outcomes("400"),
  "400 (rejected) or 2xx without control chars": outcomes("400"),
  "Reject/drop (pass), normalize (fail), preserve (warn)": rejectedOrDropped,
  "Reject/drop (pass), normalize casing (fail), preserve (warn)": rejectedOrDropped,
  "400/close/pass-through; poisoned follow-up = warn": passThrough,
  "417/400/close preferred; poisoned follow-up = warn": passThrough,
  "2xx with Cookie in body": bodyHolds("foo=bar"),
  "2xx with both cookies": bodyHolds("a=1", "b=2"),
  "2xx with foo=bar in body": bodyHolds("foo=bar"),
  "2xx with a=1, b=2, c=3 in body": bodyHolds("a=1", "b=2", "c=3"),
  "304": last(304),
  "304 with ETag": (seen) => last(304)(seen) ?? check(hasField(lastAnswer(seen), "etag"), "304 without ETag"),
  "200": last(200),
};

const BY_ID: Readonly<Record<string, Judge>> = {
  "COMP-POST-CL-BODY": echoes("hello"),
  "COMP-CHUNKED-BODY": echoes("hello"),
  "COMP-CHUNKED-MULTI": echoes("hello world"),
  "COMP-CHUNKED-TRAILER-VALID": echoes("hello"),
  "COMP-CHUNKED-HEX-UPPERCASE": echoes("helloworld"),
  // A length over the cap is refused before a byte of it comes, which is what the case is about.
  "MAL-POST-CL-HUGE-NO-BODY": outcomes("400/408/413 or close"),
  // The body is a whole request but for its empty line; the next step completes it and adds a second one.
  "SMUG-GET-CL-PREFIX-DESYNC": (seen) => {
    if (rejected(seen) === undefined) return undefined;
    const framed = seen.forwarded[0]?.body.length === 38 && seen.forwarded.length <= 2;
    return success(seen) ?? check(framed && (seen.answers[1]?.length ?? 0) <= 1, "an extra response");
  },
  // The stray byte becomes part of the next method: `XGET` is a valid, unknown method, and must stay one.
  "SMUG-CL0-BODY-POISON": (seen) => {
    if (rejected(seen) === undefined) return undefined;
    const second = seen.forwarded[1];
    const unchanged = second === undefined || second.method === "XGET";
    return check(
      unchanged && status(lastAnswer(seen)) !== 200,
      "the stray byte was lost, or taken as a body",
    );
  },
};

/** What holds for every case, whatever its verdict: nothing smuggled, nothing ambiguous, errors close. */
export function judgeForwarding(seen: Observation): string | undefined {
  if (seen.violations.length > 0) return `not canonical: ${seen.violations.join("; ")}`;
  if (seen.garbage !== "" && !isHttp2(seen.garbage))
    return `bytes that are no response: ${JSON.stringify(seen.garbage.slice(0, 120))}`;
  const answers = seen.answers.flat();
  const ofOrigin = answers.filter((answer) => hasField(answer, "x-origin")).length;
  if (seen.forwarded.length !== ofOrigin)
    return `${seen.forwarded.length} requests forwarded, ${ofOrigin} answered by the origin`;
  for (const step of seen.answers) if (step.length > 1) return "two answers to one step";
  for (const answer of answers) {
    if (fieldValues(answer.fields, "content-length").length > 1) return "two lengths in an answer";
  }
  const refused = answers.some((answer) => statusOf(answer) >= 400 && !hasField(answer, "x-origin"));
  return check(!refused || seen.closed, "the connection stayed open after a refusal");
}
