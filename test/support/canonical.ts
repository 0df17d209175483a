/**
 * Judges what the gateway sent to a backend: one canonical HTTP/1.1 message, framed by the gateway,
 * free of the client's connection fields. Used by the conformance run and the attack tests.
 */
import { fieldValues, type Http1Message } from "./strict-http1.ts";

/** Fields that belong to the client's connection and must not cross the gateway (RFC 9110 section 7.6.1). */
const HOP_BY_HOP = [
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "http2-settings",
];

/** Everything that is wrong with a forwarded request; empty when it is canonical. */
export function canonicalViolations(message: Http1Message): string[] {
  const found: string[] = [];
  if (!message.startLine.endsWith(" HTTP/1.1")) found.push(`start line ${message.startLine}`);
  const hosts = fieldValues(message.fields, "host");
  if (hosts.length !== 1) found.push(`${hosts.length} Host fields`);
  for (const name of HOP_BY_HOP) {
    if (fieldValues(message.fields, name).length > 0) found.push(`field ${name} crossed`);
  }
  for (const value of fieldValues(message.fields, "connection")) {
    if (!/^(?:keep-alive|close|upgrade)$/i.test(value)) found.push(`Connection: ${value}`);
  }
  for (const value of fieldValues(message.fields, "te")) {
    if (value.toLowerCase() !== "trailers") found.push(`TE: ${value}`);
  }
  for (const [name] of message.fields) {
    if (name.includes("_")) found.push(`underscore in ${name}`);
  }
  return found;
}
