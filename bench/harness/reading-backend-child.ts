/**
 * Program: `reading-backend-child.ts HOST PORT...` serves what `reading-backends.ts` describes, and
 * nothing more. It reads request bodies whole and answers only then, so that a proxy has to pass on
 * every byte; a body of another length than the path says is answered with 400.
 * How the body came is the proxy's business: nginx gives a chunked one a length when it has it whole.
 */
import { createServer, type Socket } from "node:net";
import { RequestReader, type ReadRequest } from "./request-reader.ts";
import { seenValue, SEEN_HEADER } from "./seen-header.ts";

/** Size of the chunks of a chunked answer. */
const CHUNK_BYTES = 4096;
const OK_BYTES = 128;

const [host, ...ports] = process.argv.slice(2);
const answers = new Map<string, Buffer>();

for (const port of ports.map(Number)) {
  createServer({ noDelay: true }, (socket) => serve(socket, port)).listen({ host, port, backlog: 4096 });
}

function serve(socket: Socket, port: number): void {
  const reader = new RequestReader((request) => socket.write(answerTo(request, port)));
  socket.on("data", (bytes: Buffer) => reader.push(bytes));
  socket.on("error", () => {});
}

function answerTo({ head, bodyBytes }: ReadRequest, port: number): Buffer {
  const path = head.slice(head.indexOf(" ") + 1, head.indexOf(" HTTP/1"));
  if (path.endsWith("/probe")) return probe(head, port);
  const [, kind = "", size = ""] = path.split("/");
  const expected = kind === "upload" || kind === "chunked" ? Number(size) : 0;
  if (bodyBytes !== expected) {
    return Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  }
  const known = answers.get(path);
  if (known !== undefined) return known;
  const made = makeAnswer(kind, Number(size));
  answers.set(path, made);
  return made;
}

function makeAnswer(kind: string, size: number): Buffer {
  if (kind === "chunked") return chunkedAnswer(size);
  const length = kind === "bytes" ? size : OK_BYTES;
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(length, "x")]);
}

function chunkedAnswer(size: number): Buffer {
  const parts = [
    Buffer.from("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"),
  ];
  for (let sent = 0; sent < size; sent += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, size - sent);
    parts.push(Buffer.from(`${length.toString(16)}\r\n`), Buffer.alloc(length, "x"), Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}

function probe(head: string, port: number): Buffer {
  const lines = head.split("\r\n").slice(1);
  const field = (name: string): string =>
    lines
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim() ?? "";
  return Buffer.from(`HTTP/1.1 204 No Content\r\n${SEEN_HEADER}: ${seenValue(port, field)}\r\n\r\n`);
}
