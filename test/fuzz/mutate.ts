/**
 * Changes a message a little, in the ways that make parsers disagree: octets that separate, repeated and
 * moved lines, pieces of other messages, cuts.
 */
import type { Random } from "./random.ts";

/** Octets that mean something to some parser of HTTP/1, and their neighbours. */
const TELLING = Buffer.from('\r\n\t\0 :;,="\\#?/@%[]_+-0159afxAF\x0b\x0c\x1f\x7f\x80\x85\xa0\xff', "latin1");

/** Pieces that smuggling is made of. */
const PIECES = [
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  "0\r\n\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Content-Length : 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Transfer-Encoding:\tchunked\r\n",
  "transfer_encoding: chunked\r\n",
  "Host: b.example\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive, upgrade\r\n",
  "Upgrade: websocket\r\n",
  "Expect: 100-continue\r\n",
  "TE: trailers\r\n",
  " folded\r\n",
  "X: 1\r\n",
  "GET /smuggled HTTP/1.1\r\nHost: c.example\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  '5;ext="a;b"\r\nhello\r\n',
  "ffffffffffffffff",
  "9007199254740993",
].map((text) => Buffer.from(text, "latin1"));

const MAX_CHANGES = 5;
const MAX_BYTES = 16_384;

/** `others` are messages to take pieces from. */
export function mutate(message: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(message);
  for (let changes = random.below(MAX_CHANGES + 1); changes > 0; changes--) {
    bytes = random.pick(CHANGES)(bytes, random, others);
  }
  return bytes.subarray(0, MAX_BYTES);
}

type Change = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const CHANGES: readonly Change[] = [
  function replaceOctet(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = tellingOctet(random);
    return bytes;
  },
  function insertOctet(bytes, random) {
    return splice(bytes, random.below(bytes.length + 1), 0, Buffer.from([tellingOctet(random)]));
  },
  function removeOctets(bytes, random) {
    return splice(bytes, random.below(bytes.length + 1), 1 + random.below(4), Buffer.alloc(0));
  },
  function insertPiece(bytes, random) {
    return splice(bytes, random.below(bytes.length + 1), 0, random.pick(PIECES));
  },
  function insertLine(bytes, random) {
    return splice(bytes, lineStart(bytes, random), 0, random.pick(PIECES));
  },
  function repeatLine(bytes, random) {
    const start = lineStart(bytes, random);
    const end = bytes.indexOf(0x0a, start) + 1;
    return splice(bytes, lineStart(bytes, random), 0, bytes.subarray(start, Math.max(start, end)));
  },
  function removeLine(bytes, random) {
    const start = lineStart(bytes, random);
    const end = bytes.indexOf(0x0a, start) + 1;
    return splice(bytes, start, Math.max(0, end - start), Buffer.alloc(0));
  },
  function cut(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function append(bytes, random, others) {
    return Buffer.concat([bytes, random.pick(others)]);
  },
  function cross(bytes, random, others) {
    const other = random.pick(others);
    const from = random.below(other.length + 1);
    return Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(from)]);
  },
  function grow(bytes, random) {
    const octets = Buffer.alloc(random.pick([30, 250, 260, 1000, 5000]), tellingOctet(random));
    return splice(bytes, random.below(bytes.length + 1), 0, octets);
  },
];

function tellingOctet(random: Random): number {
  return random.once(4) ? random.below(256) : (TELLING[random.below(TELLING.length)] as number);
}

function lineStart(bytes: Buffer, random: Random): number {
  return bytes.indexOf(0x0a, random.below(bytes.length + 1)) + 1;
}

function splice(bytes: Buffer, at: number, remove: number, insert: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
}
