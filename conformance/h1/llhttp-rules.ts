/**
 * Where the gateway rightly judges an llhttp vector otherwise than llhttp, which is a parser for all
 * purposes: by the form of the message, each rule with its reason. A case under a rule passes only if
 * the decoder does exactly what the rule says.
 */
import type { LlhttpCase } from "./llhttp-log.ts";

export interface Rule {
  /** What the decoder must do. */
  readonly outcome: "refuse" | "accept";
  readonly reason: string;
  readonly applies: (testCase: LlhttpCase, text: string) => boolean;
}

const RULES: readonly Rule[] = [
  {
    outcome: "refuse",
    reason: "lenient flags do not exist here: what llhttp takes only with one is refused",
    applies: ({ type }) => type.includes("-lenient-"),
  },
  {
    outcome: "refuse",
    reason: "CONNECT is not served",
    applies: (_, text) => text.startsWith("CONNECT "),
  },
  {
    outcome: "refuse",
    reason: "the preface of HTTP/2 is not HTTP/1.1",
    applies: (_, text) => text.startsWith("PRI "),
  },
  {
    outcome: "refuse",
    reason: "RTSP, ICE and HTTP/0.9 are not HTTP/1",
    applies: ({ verdict }, text) =>
      verdict === "ok" && /^(?:[A-Z]+ \S+ )?(?:RTSP|ICE|HTTP\/0)|^GET \/\r\n/.test(text),
  },
  {
    outcome: "refuse",
    reason: "asterisk form is for OPTIONS (RFC 9112 section 3.2.4)",
    applies: (_, text) => text.startsWith("M-SEARCH * "),
  },
  {
    outcome: "refuse",
    reason: "userinfo in an http URI is refused (RFC 9110 section 4.2.4)",
    applies: (_, text) => /^(?:GET )?http:\/\/[^/ ]*@/.test(text),
  },
  {
    outcome: "refuse",
    reason: "zone identifiers mean nothing outside one machine",
    applies: (_, text) => /\[fe80::a%/.test(text),
  },
  {
    outcome: "refuse",
    reason: "a fragment is no part of a target (RFC 9112 section 3.2)",
    applies: ({ verdict, type }, text) => verdict === "ok" && type === "url" && text.includes("#"),
  },
  {
    outcome: "refuse",
    reason: "codings before chunked are not implemented (501, RFC 9112 section 6.1)",
    applies: ({ verdict }, text) => verdict === "ok" && /Transfer-Encoding: deflate/.test(text),
  },
  {
    outcome: "refuse",
    reason: "a coding that is not chunked cannot be passed on, and its body not be framed anew",
    applies: ({ verdict, type }, text) =>
      verdict === "ok" &&
      type === "response" &&
      /Transfer-Encoding: chunked(?:, deflate|\r\nTransfer|chunked)/.test(text),
  },
  {
    outcome: "refuse",
    reason: "content metadata and response controls may not come as trailers (RFC 9110 section 6.5.1)",
    applies: (_, text) => /\r\n0\r\nVary: /.test(text),
  },
  {
    outcome: "accept",
    reason: "methods are open: any token goes to the backend (RFC 9110 section 9.1)",
    applies: ({ reason }) =>
      reason === "Expected space after method" || reason === "Invalid method for HTTP/x.x request",
  },
];

export function ruleFor(testCase: LlhttpCase): Rule | undefined {
  const text = testCase.bytes.latin1Slice();
  return RULES.find((rule) => rule.applies(testCase, text));
}
