/** Conditions on the request line: host, path and method, and on the client's address. */
import "../../base/latin1.ts";
import type { CidrSet } from "../../base/cidr.ts";
import { codesOf, hasCodes } from "./character-codes.ts";
import type { HostRun } from "./pattern-keys.ts";
import type { Predicate } from "./predicate.ts";
import type { RouteInput } from "./route-input.ts";
import type { Pattern } from "./rule-pattern.ts";

export class HostIs implements Predicate {
  readonly cost = 0;
  readonly #host: string;

  constructor(host: string) {
    this.#host = host;
  }

  matches(request: RouteInput): boolean {
    return request.host === this.#host;
  }
}

export class HostMatches implements Predicate {
  readonly cost = 3;
  readonly #pattern: Pattern;

  constructor(pattern: Pattern) {
    this.#pattern = pattern;
  }

  matches(request: RouteInput): boolean {
    return this.#pattern.test(request.host);
  }
}

/** A host that is a run of certain characters before an ending: what most expressions for hosts say. */
export class HostRunIs implements Predicate {
  readonly cost = 1;
  readonly #members: Uint8Array;
  readonly #min: number;
  readonly #ending: string;

  constructor({ members, min, ending }: HostRun) {
    this.#members = members;
    this.#min = min;
    this.#ending = ending;
  }

  matches({ host }: RouteInput): boolean {
    const length = host.length - this.#ending.length;
    if (length < this.#min || !host.endsWith(this.#ending)) return false;
    for (let i = 0; i < length; i++) if (this.#members[host.charCodeAt(i)] !== 1) return false;
    return true;
  }
}

export class PathIs implements Predicate {
  readonly cost = 0;
  readonly #path: Uint16Array;

  constructor(path: string) {
    this.#path = codesOf(path);
  }

  matches(request: RouteInput): boolean {
    const { targetStart, pathEnd } = request;
    return pathEnd - targetStart === this.#path.length && hasCodes(request.bytes, targetStart, this.#path);
  }
}

/** A prefix of the path's characters, not of its segments: `/api` matches `/apiary`. Feature row A4.1. */
export class PathStartsWith implements Predicate {
  readonly cost = 0;
  readonly #prefix: Uint16Array;

  constructor(prefix: string) {
    this.#prefix = codesOf(prefix);
  }

  matches(request: RouteInput): boolean {
    const { targetStart, pathEnd } = request;
    return pathEnd - targetStart >= this.#prefix.length && hasCodes(request.bytes, targetStart, this.#prefix);
  }
}

export class PathMatches implements Predicate {
  readonly cost = 3;
  readonly #pattern: Pattern;

  constructor(pattern: Pattern) {
    this.#pattern = pattern;
  }

  matches(request: RouteInput): boolean {
    return this.#pattern.test(request.bytes.latin1Slice(request.targetStart, request.pathEnd));
  }
}

/** Letter case is ignored, as the rule language has it, although methods are case-sensitive (RFC 9110 section 9.1). */
export class MethodIs implements Predicate {
  readonly cost = 0;
  readonly #method: string;

  /** `method` in upper case. */
  constructor(method: string) {
    this.#method = method;
  }

  matches(request: RouteInput): boolean {
    const method = request.head.method;
    return method === this.#method || equalsUpper(method, this.#method);
  }
}

function equalsUpper(text: string, upper: string): boolean {
  if (text.length !== upper.length) return false;
  for (let i = 0; i < upper.length; i++) {
    let code = text.charCodeAt(i);
    if (code >= 0x61 && code <= 0x7a) code -= 0x20;
    if (code !== upper.charCodeAt(i)) return false;
  }
  return true;
}

export class ClientIn implements Predicate {
  readonly cost = 1;
  readonly #blocks: CidrSet;

  constructor(blocks: CidrSet) {
    this.#blocks = blocks;
  }

  matches(request: RouteInput): boolean {
    return this.#blocks.contains(request.clientIp);
  }
}
