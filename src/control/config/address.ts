/**
 * Addresses as they are written in the configuration: `host:port` with a name, an IPv4 or a bracketed
 * IPv6 address, `unix:/path`, and the URL spelling of a backend. The schema checks with these, and the
 * plan is built with them.
 */
import { isIP } from "node:net";
import type { Complaint } from "./field.ts";
import { quote } from "./quote.ts";

export interface HostPort {
  /** Name or numeric address, without brackets; the path of a Unix socket when `port` is -1. */
  readonly host: string;
  readonly port: number;
}

/** A host name that resolvers take: RFC 1123 section 2.1, and the underscore that service names have. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;
/** Every part a number: meant as an IPv4 address, and no name ends in a numeric label. */
const NUMERIC_TAIL = /(?:^|\.)\d+\.?$/;
/** sun_path of sockaddr_un holds 108 bytes with the final NUL: unix(7). */
const MAX_UNIX_PATH_BYTES = 107;

/** Reads `host:port`. `port` is 0 to 65535; the caller refuses 0 where it has no meaning. */
export function parseHostPort(text: string): HostPort | Complaint {
  const colon = text.lastIndexOf(":");
  if (colon === -1)
    return { message: `${quote(text)} has no port`, hint: `write host:port, as in ${quote(withPort(text))}` };
  const port = parsePort(text.slice(colon + 1));
  if (port === undefined) {
    return {
      message: `${quote(text)} has no valid port`,
      offset: colon + 1,
      hint: "a port is a number from 0 to 65535",
    };
  }
  const host = text.slice(0, colon);
  if (host.startsWith("[") && host.endsWith("]")) return bracketed(host.slice(1, -1), port);
  if (isIP(host) === 6) {
    return {
      message: `${quote(host)} is not a host`,
      hint: `an IPv6 address stands in brackets: "[${host}]:${port}"`,
    };
  }
  const complaint = checkHost(host);
  return complaint ?? { host, port };
}

/** What was perhaps meant by a text without a colon: a number alone is a port. */
function withPort(text: string): string {
  return parsePort(text) === undefined ? `${text}:8080` : `127.0.0.1:${text}`;
}

/**
 * Reads where to listen. Names are refused, because which of their addresses to bind is not ours to guess;
 * `localhost` means 127.0.0.1.
 */
export function parseListenAddress(text: string): HostPort | Complaint {
  const parsed = parseHostPort(text);
  if (!("port" in parsed) || isIP(parsed.host) !== 0) return parsed;
  if (parsed.host.toLowerCase() === "localhost") return { host: "127.0.0.1", port: parsed.port };
  return {
    message: `${quote(parsed.host)} is a name, and a listener needs a numeric address`,
    hint: `as in "127.0.0.1:${parsed.port}"; 0.0.0.0 is every address of this machine`,
  };
}

function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function bracketed(host: string, port: number): HostPort | Complaint {
  if (isIP(host) !== 6 || host.includes("%"))
    return { message: `${quote(`[${host}]`)} is not an IPv6 address`, offset: 1 };
  return { host, port };
}

/** What is wrong with a host: a name or an IPv4 address. */
export function checkHost(host: string): Complaint | undefined {
  if (host === "")
    return { message: "the host is empty", hint: `for all addresses write "0.0.0.0" or "[::]"` };
  if (isIP(host) === 4) return undefined;
  if (NUMERIC_TAIL.test(host)) return { message: `${quote(host)} is not an IPv4 address` };
  return HOST_NAME.test(host) ? undefined : { message: `${quote(host)} is not a host name or an IP address` };
}

/** Reads a backend's address: `host:port` with a port, or `unix:/path`. */
export function parseBackendAddress(text: string): HostPort | Complaint {
  if (text.startsWith("unix:")) return parseUnixPath(text.slice(5));
  const scheme = /^([a-z0-9]+):\/\//i.exec(text);
  if (scheme)
    return { message: `${quote(text)} is a URL`, hint: `write url = ${quote(text)} instead of address` };
  const parsed = parseHostPort(text);
  if ("port" in parsed && parsed.port === 0) return { message: "a backend cannot have port 0" };
  return parsed;
}

function parseUnixPath(path: string): HostPort | Complaint {
  if (!path.startsWith("/")) {
    return {
      message: `${quote(`unix:${path}`)} has no absolute path`,
      offset: 5,
      hint: `as in "unix:/run/app.sock"`,
    };
  }
  if (path.includes("\0")) return { message: "the path of a Unix socket cannot hold a NUL" };
  if (Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
    return { message: `the path of a Unix socket has at most ${MAX_UNIX_PATH_BYTES} bytes` };
  }
  return { host: path, port: -1 };
}

export type BackendScheme = "http" | "h2c" | "https" | "tcp";

export interface BackendUrl extends HostPort {
  readonly scheme: BackendScheme;
}

const SCHEMES: Readonly<Record<string, number>> = { http: 80, h2c: 80, https: 443, tcp: -1 };

/** Reads the URL spelling of a backend: `http://`, `h2c://`, `https://` or `tcp://`, host and port. */
export function parseBackendUrl(text: string): BackendUrl | Complaint {
  const match = /^([a-z0-9+.-]+):\/\/([^/?#]*)([/?#].*)?$/is.exec(text);
  if (!match) return { message: `${quote(text)} is not a URL`, hint: `as in "http://10.0.0.5:8080"` };
  const scheme = (match[1] ?? "").toLowerCase();
  if (!Object.hasOwn(SCHEMES, scheme)) {
    return {
      message: `scheme ${quote(scheme)} is not known`,
      hint: "the schemes are http, h2c, https and tcp",
    };
  }
  const authority = match[2] ?? "";
  if (authority.includes("@")) return { message: "the URL of a backend cannot hold a user name" };
  if (match[3] !== undefined && match[3] !== "/") {
    return {
      message: `the URL of a backend cannot hold a path, ${quote(match[3])}`,
      offset: text.length - match[3].length,
    };
  }
  const fallback = SCHEMES[scheme] ?? -1;
  const full = /:\d+$/.test(authority) || fallback === -1 ? authority : `${authority}:${fallback}`;
  const parsed = parseHostPort(full);
  if (!("port" in parsed)) return parsed;
  if (parsed.port === 0) return { message: "a backend cannot have port 0" };
  return { ...parsed, scheme: scheme as BackendScheme };
}

/** Writes `host:port` back, with brackets for IPv6. */
export function formatHostPort(address: HostPort): string {
  if (address.port === -1) return `unix:${address.host}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Loopback as a literal: 127.0.0.0/8, ::1, its IPv4-mapped form, or the name `localhost`. */
export function isLoopback(host: string): boolean {
  const lower = host.toLowerCase();
  if (lower === "localhost" || lower === "::1") return true;
  const v4 = lower.startsWith("::ffff:") ? lower.slice(7) : lower;
  return isIP(v4) === 4 && v4.startsWith("127.");
}

/** What is wrong with a CIDR block or a single address. */
export function checkCidr(text: string): Complaint | undefined {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes("%"))
    return { message: `${quote(text)} is not an IP address or CIDR block` };
  if (slash === -1) return undefined;
  const prefix = text.slice(slash + 1);
  const bits = version === 4 ? 32 : 128;
  if (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits) return undefined;
  return {
    message: `${quote(text)} has no valid prefix length`,
    offset: slash + 1,
    hint: `from 0 to ${bits}`,
  };
}
