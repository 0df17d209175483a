/** The named shapes of strings that the schema uses. */
import { isIP } from "node:net";
import { parseRule } from "../../proxy/router/parse-rule.ts";
import {
  checkCidr,
  checkHost,
  parseBackendAddress,
  parseBackendUrl,
  parseHostPort,
  parseListenAddress,
} from "./address.ts";
import type { Complaint, StringFormat } from "./field.ts";

/** Strings of the configuration are short; a longer one is a mistake, or an attack on the editor. */
const MAX_TEXT_LENGTH = 65_536;

function text(name: string, check: (value: string) => Complaint | undefined, pattern?: string): StringFormat {
  const shape = { name, check: (value: string) => checkLength(value) ?? check(value) };
  return pattern === undefined ? shape : { ...shape, pattern };
}

function checkLength(value: string): Complaint | undefined {
  if (value === "") return { message: "the value is empty" };
  if (value.length > MAX_TEXT_LENGTH)
    return { message: `the value is longer than ${MAX_TEXT_LENGTH} characters` };
  return undefined;
}

/** A string that a regular expression describes; the expression is the schema's `pattern` too. */
export function byPattern(name: string, pattern: string, message: string): StringFormat {
  const compiled = new RegExp(pattern);
  return text(name, (value) => (compiled.test(value) ? undefined : { message }), pattern);
}

/** Any string but the empty one. */
export const anyText = text("string", () => undefined);

/** Any string, the empty one too. */
export const possiblyEmpty: StringFormat = {
  name: "string",
  check: (value) => (value === "" ? undefined : checkLength(value)),
};

/** Where to listen: `host:port`, port 0 for any free one. */
export const listenAddress = text(
  "host:port",
  (value) => complaintOf(parseListenAddress(value)),
  ":[0-9]{1,5}$",
);

/** Where a backend is: `host:port` or `unix:/path`. */
export const backendAddress = text(
  "host:port or unix:/path",
  (value) => complaintOf(parseBackendAddress(value)),
  "^unix:/|:[0-9]{1,5}$",
);

export const backendUrl = text(
  "URL",
  (value) => complaintOf(parseBackendUrl(value)),
  "^(http|h2c|https|tcp)://[^/?#]+/?$",
);

/** A peer: `host:port` with a port above 0. */
export const peerAddress = text(
  "host:port",
  (value) => {
    const parsed = parseHostPort(value);
    if ("port" in parsed && parsed.port === 0) return { message: "port 0 is not the port of a peer" };
    return complaintOf(parsed);
  },
  ":[0-9]{1,5}$",
);

export const hostName = text("host name", checkHost);

/** A host name, or a numeric address without brackets. */
export const hostOrAddress = text("host name or address", (value) =>
  isIP(value) === 6 ? undefined : checkHost(value),
);

/** A name of a certificate: a host name, or one behind `*.` (RFC 9525 section 6.3). */
export const certificateName = text("domain name", (value) =>
  checkHost(value.startsWith("*.") ? value.slice(2) : value),
);

export const cidr = text("CIDR block", checkCidr);

export const filePath = text("path", (value) =>
  value.includes("\0") ? { message: "a path cannot hold a NUL" } : undefined,
);

/** A name that the operator gives: it becomes a metric label and a word of the log. */
export const label = byPattern(
  "name",
  "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$",
  "a name has 1 to 64 letters, digits, '_', '-' or '.', and does not begin with '-' or '.'",
);

/** The name of an HTTP field: a token, RFC 9110 section 5.6.2. */
export const fieldName = byPattern(
  "HTTP field name",
  "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$",
  "the name of an HTTP field has 1 to 256 token characters (RFC 9110, section 5.6.2)",
);

/**
 * A protocol to upgrade to: RFC 9110 section 7.8. WebSocket needs no permission, and `h2c` never gets
 * it: behind a gateway it is a way around every rule.
 */
export const upgradeToken = text("protocol", (value) => {
  const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}";
  const name = value.toLowerCase();
  if (!new RegExp(`^${token}(?:/${token})?$`).test(value)) {
    return { message: "a protocol is a token, with '/' and a version if it has one (RFC 9110, section 7.8)" };
  }
  if (name === "websocket")
    return { message: '"websocket" needs no permission', hint: "[listeners.websocket].enabled switches it" };
  if (name === "h2c" || name.startsWith("h2c/")) {
    const hint = "HTTP/2 without TLS is served, by prior knowledge";
    return { message: "an upgrade to h2c is never passed on", hint };
  }
  return undefined;
});

export const cookieName = byPattern(
  "cookie name",
  "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$",
  "the name of a cookie has 1 to 256 token characters (RFC 6265, section 4.1.1)",
);

const SHA256_DIGITS = 64;

export const sha256Hex: StringFormat = {
  ...text("64 hexadecimal digits", notSha256, `^[0-9A-Fa-f]{${SHA256_DIGITS}}$`),
  discreet: true,
};

function notSha256(value: string): Complaint | undefined {
  const digits = value.replaceAll(/[^0-9A-Fa-f]/g, "").length;
  if (digits === SHA256_DIGITS && value.length === SHA256_DIGITS) return undefined;
  const found =
    digits === value.length
      ? `${digits}`
      : `${digits}, and ${value.length - digits} other character${value.length - digits === 1 ? "" : "s"}`;
  return {
    message: `${SHA256_DIGITS} hexadecimal digits are needed, there are ${found}`,
    hint: "the SHA-256 digest of the token: printf %s TOKEN | sha256sum",
  };
}

/** The path of a request: begins with a slash, printable ASCII. RFC 9112 section 3.2.1. */
export const requestPath = byPattern(
  "request path",
  "^/[!-~]{0,8191}$",
  "a path begins with '/' and holds printable ASCII characters without spaces",
);

export const httpUrl = byPattern(
  "URL",
  "^https?://[^ /?#]+(?:[/?#][!-~]*)?$",
  "expected an http:// or https:// URL",
);
export const redisUrl = byPattern("URL", "^rediss?://[!-~]+$", "expected a redis:// or rediss:// URL");

/** The rule of a router, in the language that `proxy/router/parse-rule.ts` reads. */
export const rule = text("rule", (value) => {
  const parsed = parseRule(value);
  return "error" in parsed ? { message: parsed.error, ...pick(parsed) } : undefined;
});

function pick(failure: { readonly offset: number; readonly hint?: string }): Omit<Complaint, "message"> {
  return failure.hint === undefined
    ? { offset: failure.offset }
    : { offset: failure.offset, hint: failure.hint };
}

function complaintOf(parsed: object): Complaint | undefined {
  return "message" in parsed ? (parsed as Complaint) : undefined;
}
