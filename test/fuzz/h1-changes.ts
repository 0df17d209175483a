/** Changes of HTTP/1 messages in the ways that make parsers disagree: separators, and lines that are added, repeated, moved. */
import { type Change, octetChanges, splice } from "./mutate.ts";
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

export const H1_CHANGES: readonly Change<Buffer>[] = [
  ...octetChanges(TELLING),
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
];

function lineStart(bytes: Buffer, random: Random): number {
  return bytes.indexOf(0x0a, random.below(bytes.length + 1)) + 1;
}
