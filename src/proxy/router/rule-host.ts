/** Checks the host of a `Host` matcher and brings it to the form that requests are compared in. */
import { domainToASCII } from "node:url";
import { canonicalIp } from "../../base/ip.ts";
import { routingHost } from "./routing-host.ts";

export interface ArgumentError {
  readonly error: string;
  /** Where in the argument's value. */
  readonly offset: number;
  readonly hint?: string;
}

/** RFC 1035 section 2.3.4: a name has at most 253 characters as text, a label 63. */
const MAX_HOST_CHARS = 253;
const MAX_LABEL_CHARS = 63;

/** The host in the form of `routingHost`, or what is wrong with it. */
export function ruleHost(text: string): string | ArgumentError {
  if (text === "") return { error: "the host must not be empty", offset: 0 };
  const literal = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const ip = canonicalIp(literal);
  if (ip !== undefined) return ip;
  const bad = badHostCharacter(text);
  if (bad !== undefined) return bad;
  const host = routingHost(text);
  if (host.length > MAX_HOST_CHARS)
    return { error: `a host has at most ${MAX_HOST_CHARS} characters`, offset: MAX_HOST_CHARS };
  return badLabel(host) ?? host;
}

function badHostCharacter(text: string): ArgumentError | undefined {
  const offset = text.search(/[^A-Za-z0-9._-]/);
  if (offset === -1) return undefined;
  const character = text.charAt(offset);
  if (character === "*") {
    const suffix = text.replaceAll(".", "\\.").replaceAll("*", "[^.]+");
    return {
      error: "Host compares names exactly; * has no meaning in it",
      offset,
      hint: `HostRegexp(\`${suffix}\`)`,
    };
  }
  if (character === ":" && text.startsWith("//", offset + 1)) {
    return {
      error: "a host is a name without scheme",
      offset: 0,
      hint: `Host(\`${text.slice(offset + 3).split("/")[0]}\`)`,
    };
  }
  if (character === ":") {
    const hint = `Host(\`${text.slice(0, offset)}\`); the port of a request is not compared`;
    return { error: "a host is a name without port", offset, hint };
  }
  if (character === "/") {
    const hint = `Host(\`${text.slice(0, offset)}\`) && PathPrefix(\`${text.slice(offset)}\`)`;
    return { error: "a host is a name without path", offset, hint };
  }
  const ascii = domainToASCII(text);
  if (character > "\u007f" && ascii !== "") {
    return { error: "a host is written in ASCII (RFC 5890)", offset, hint: `Host(\`${ascii}\`)` };
  }
  return { error: `${JSON.stringify(character)} cannot be part of a host`, offset };
}

function badLabel(host: string): ArgumentError | undefined {
  let offset = 0;
  for (const label of host.split(".")) {
    if (label === "") return { error: "a host has no empty labels", offset };
    if (label.length > MAX_LABEL_CHARS)
      return { error: `a label of a host has at most ${MAX_LABEL_CHARS} characters`, offset };
    offset += label.length + 1;
  }
  return undefined;
}
