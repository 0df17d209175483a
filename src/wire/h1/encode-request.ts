/**
 * Writes a request head in the one canonical form, RFC 9112 section 3: origin form, Host first, then
 * the fields, then the framing made anew from `bodyLength`. Nothing of the client's own framing gets
 * here. A request line and a Host that came in that form are copied in one run with the fields. The
 * connection stays open unless the fields hold `Connection: close`; `upgrade` asks for another protocol
 * on it (RFC 9110 section 7.8). Called by the HTTP/1 upstream.
 */
import { assert } from "../../base/assert.ts";
import { UNKNOWN_LENGTH, type RequestHead } from "../http/message.ts";
import { FIELD_VALUE_OCTETS, HOST_OCTETS, SP, TARGET_OCTETS, TOKEN_OCTETS } from "../http/octets.ts";
import { writeText } from "../http/text.ts";
import { writeBytes } from "../http/write.ts";
import { MAX_FRAMING_LINE_BYTES, writeChunkedLine, writeCrlf, writeLengthLine } from "./framing-lines.ts";

const AFTER_TARGET: Uint8Array = Buffer.from(" HTTP/1.1\r\nHost: ", "latin1");

const UPGRADE_LINES: Uint8Array = Buffer.from("Connection: Upgrade\r\nUpgrade: ", "latin1");

/** All that is written besides method, path, authority, fields, protocol and framing. */
const CONSTANT_BYTES = 1 + AFTER_TARGET.length + UPGRADE_LINES.length + 6;

/** What may stand in an authority that was checked: host, port, brackets of an IPv6 literal. */
const AUTHORITY_OCTETS: Uint8Array = Uint8Array.from(HOST_OCTETS);
for (const character of ":[]") AUTHORITY_OCTETS[character.charCodeAt(0)] = 1;

/** Upper bound of what `encodeRequestHead` writes; the target is counted with the fields, whose store it is in. */
export function requestHeadLength(head: RequestHead): number {
  return (
    head.method.length +
    head.authority.length +
    head.fields.wireLength() +
    head.upgrade.length +
    CONSTANT_BYTES +
    MAX_FRAMING_LINE_BYTES
  );
}

/**
 * Writes the head, which needs room for `requestHeadLength` bytes, and returns the offset behind it.
 * Method, path and authority must be of the octets that the decoder lets through: it is asserted.
 */
export function encodeRequestHead(target: Buffer, offset: number, head: RequestHead): number {
  assert(head.method !== "" && head.targetEnd > head.targetStart, "a request needs a method and a path");
  let to = offset;
  if (head.openingEnd === 0) to = writeOpening(target, to, head);
  to = head.fields.writeTo(target, to, head.openingStart, head.openingEnd);
  if (head.upgrade !== "") to = writeUpgrade(target, to, head.upgrade);
  if (head.bodyLength === UNKNOWN_LENGTH) to = writeChunkedLine(target, to);
  else if (head.bodyLength > 0 || expectsContent(head.method)) {
    to = writeLengthLine(target, to, head.bodyLength);
  }
  return writeCrlf(target, to);
}

/** Request line and Host, of parts that came otherwise than they are written, or were set. */
function writeOpening(target: Buffer, offset: number, head: RequestHead): number {
  let to = writeText(target, offset, head.method, TOKEN_OCTETS);
  target[to++] = SP;
  to = writeText(target, to, head.path, TARGET_OCTETS);
  to = writeBytes(target, to, AFTER_TARGET);
  return writeCrlf(target, writeText(target, to, head.authority, AUTHORITY_OCTETS));
}

function writeUpgrade(target: Buffer, offset: number, protocol: string): number {
  const to = writeBytes(target, offset, UPGRADE_LINES);
  return writeCrlf(target, writeText(target, to, protocol, FIELD_VALUE_OCTETS));
}

/** Methods for which an empty body is said, RFC 9110 section 8.6. */
function expectsContent(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}
