/**
 * What a TLS client says first (RFC 8446 section 4.1.2), as far as a gateway must know it before it answers:
 * the name of the server (RFC 6066 section 3), which chooses the certificate, and the application protocols
 * (RFC 7301). Lengths are checked strictly; values that this does not know are stepped over (RFC 8701).
 */
import "../base/latin1.ts";

export interface ClientHello {
  readonly kind: "hello";
  /** Lower-case, without trailing dot; empty when there is none. */
  readonly serverName: string;
  /** As offered, one character an octet; empty when there are none. */
  readonly applicationProtocols: readonly string[];
}

/**
 * `not a ClientHello`: another message; `malformed`: a length is wrong, or an extension comes twice; the
 * others: what is wrong stands in that extension.
 */
export type ClientHelloFault = "not a ClientHello" | "malformed" | "server name" | "application protocols";

export interface InvalidClientHello {
  readonly kind: "invalid";
  readonly reason: ClientHelloFault;
}

/** Longer names cannot be in the DNS (RFC 1035 section 2.3.4). */
export const MAX_SERVER_NAME_BYTES = 255;

/** More than any client offers. */
export const MAX_APPLICATION_PROTOCOLS = 64;

const CLIENT_HELLO = 1;
/** Of a handshake message: type, and a length of 24 bits. */
const MESSAGE_HEADER_BYTES = 4;
/** The version that it once was about, and the random octets. */
const VERSION_AND_RANDOM_BYTES = 34;
const MAX_SESSION_ID_BYTES = 32;

const SERVER_NAME = 0;
const APPLICATION_PROTOCOLS = 16;
const HOST_NAME = 0;

/** A length does not fit what is there. */
const BAD = -1;

/**
 * Where the handshake message at `start` ends; `end` is where the octets end that have come. It may be
 * behind `end`; when even the length has not come, it is.
 */
export function messageEnd(bytes: Buffer, start: number, end: number): number {
  if (end - start < MESSAGE_HEADER_BYTES) return end + 1;
  return start + MESSAGE_HEADER_BYTES + bytes.readUIntBE(start + 1, 3);
}

/** Whether a handshake message that begins with this octet is a ClientHello. */
export function isClientHello(firstOctet: number | undefined): boolean {
  return firstOctet === CLIENT_HELLO;
}

/** Reads the handshake message `bytes[start, end)`, which is there as a whole (`messageEnd`). */
export function readClientHello(bytes: Buffer, start: number, end: number): ClientHello | InvalidClientHello {
  if (!isClientHello(bytes[start])) return invalid("not a ClientHello");
  const extensionsAt = skipFixedPart(bytes, start + MESSAGE_HEADER_BYTES, end);
  if (extensionsAt === BAD) return invalid("malformed");
  const found = new HelloExtensions();
  // TLS 1.2 allows a hello without extensions (RFC 5246 section 7.4.1.2).
  const fault = extensionsAt === end ? null : found.read(bytes, extensionsAt, end);
  if (fault !== null) return invalid(fault);
  return {
    kind: "hello",
    serverName: found.serverName ?? "",
    applicationProtocols: found.applicationProtocols ?? [],
  };
}

/** The offset of the extensions, which is `end` when there are none. */
function skipFixedPart(bytes: Buffer, start: number, end: number): number {
  const sessionAt = start + VERSION_AND_RANDOM_BYTES;
  const sessionEnd = vectorEnd(bytes, sessionAt, end, 1);
  if (sessionEnd === BAD || sessionEnd - sessionAt - 1 > MAX_SESSION_ID_BYTES) return BAD;
  const ciphersEnd = vectorEnd(bytes, sessionEnd, end, 2);
  const cipherBytes = ciphersEnd - sessionEnd - 2;
  if (ciphersEnd === BAD || cipherBytes === 0 || cipherBytes % 2 !== 0) return BAD;
  const compressionEnd = vectorEnd(bytes, ciphersEnd, end, 1);
  return compressionEnd > ciphersEnd + 1 ? compressionEnd : BAD;
}

/** The offset behind a vector whose length takes `lengthBytes`; `BAD` when it ends behind `end`. */
function vectorEnd(bytes: Buffer, start: number, end: number, lengthBytes: 1 | 2): number {
  const contentAt = start + lengthBytes;
  if (contentAt > end) return BAD;
  const vectorEnd = contentAt + bytes.readUIntBE(start, lengthBytes);
  return vectorEnd <= end ? vectorEnd : BAD;
}

/** The two extensions, as they are found; `null` until then. */
class HelloExtensions {
  serverName: string | null = null;
  applicationProtocols: string[] | null = null;

  /** Reads the vector of extensions, which ends at `end`. */
  read(bytes: Buffer, start: number, end: number): ClientHelloFault | null {
    if (vectorEnd(bytes, start, end, 2) !== end) return "malformed";
    for (let at = start + 2; at < end;) {
      const extensionEnd = vectorEnd(bytes, at + 2, end, 2);
      if (extensionEnd === BAD) return "malformed";
      const fault = this.#take(bytes, at, extensionEnd);
      if (fault !== null) return fault;
      at = extensionEnd;
    }
    return null;
  }

  #take(bytes: Buffer, start: number, end: number): ClientHelloFault | null {
    const type = bytes.readUInt16BE(start);
    const contentAt = start + 4;
    if (type === SERVER_NAME) {
      if (this.serverName !== null) return "malformed";
      this.serverName = serverNameIn(bytes, contentAt, end);
      return this.serverName === null ? "server name" : null;
    }
    if (type === APPLICATION_PROTOCOLS) {
      if (this.applicationProtocols !== null) return "malformed";
      this.applicationProtocols = protocolsIn(bytes, contentAt, end);
      return this.applicationProtocols === null ? "application protocols" : null;
    }
    return null;
  }
}

/** The host name in a list of names of one kind each (RFC 6066 section 3); `null`: it breaks the rules. */
function serverNameIn(bytes: Buffer, start: number, end: number): string | null {
  if (vectorEnd(bytes, start, end, 2) !== end || end === start + 2) return null;
  let name: string | null = "";
  for (let at = start + 2; at < end;) {
    const nameEnd = vectorEnd(bytes, at + 1, end, 2);
    if (nameEnd === BAD) return null;
    if (bytes[at] === HOST_NAME) name = name === "" ? hostName(bytes, at + 3, nameEnd) : null;
    if (name === null) return null;
    at = nameEnd;
  }
  return name;
}

/** Names are ASCII without blanks and controls, as they go into logs and look-ups. `null`: it is none. */
function hostName(bytes: Buffer, start: number, end: number): string | null {
  if (end - start > MAX_SERVER_NAME_BYTES) return null;
  for (let at = start; at < end; at++) {
    const octet = bytes[at] as number;
    if (octet <= 0x20 || octet >= 0x7f) return null;
  }
  const nameEnd = bytes[end - 1] === 0x2e ? end - 1 : end;
  return nameEnd > start ? bytes.latin1Slice(start, nameEnd).toLowerCase() : null;
}

/** RFC 7301 section 3.1: names of 1 to 255 octets, at least one; `null`: it breaks the rules. */
function protocolsIn(bytes: Buffer, start: number, end: number): string[] | null {
  if (vectorEnd(bytes, start, end, 2) !== end || end === start + 2) return null;
  const names: string[] = [];
  for (let at = start + 2; at < end;) {
    const nameEnd = vectorEnd(bytes, at, end, 1);
    if (nameEnd === BAD || nameEnd === at + 1 || names.length === MAX_APPLICATION_PROTOCOLS) return null;
    names.push(bytes.latin1Slice(at + 1, nameEnd));
    at = nameEnd;
  }
  return names;
}

function invalid(reason: ClientHelloFault): InvalidClientHello {
  return { kind: "invalid", reason };
}
