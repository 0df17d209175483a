/**
 * What the HTTP/1.1 codec costs per message: `node bench/micro/h1-codec.ts`. Prints nanoseconds, the
 * best of several rounds, as the machine's slow phases are longer than a round.
 */
import { encodeRequestHead } from "../../src/wire/h1/encode-request.ts";
import { encodeResponseHead } from "../../src/wire/h1/encode-response.ts";
import { H1Event } from "../../src/wire/h1/h1-event.ts";
import { DEFAULT_H1_LIMITS } from "../../src/wire/h1/h1-limits.ts";
import { RequestDecoder } from "../../src/wire/h1/request-decoder.ts";
import { ResponseDecoder } from "../../src/wire/h1/response-decoder.ts";
import { HttpVersion, RequestHead, ResponseHead } from "../../src/wire/http/message.ts";

const ROUNDS = 12;
const PER_ROUND = 100_000;

const REQUEST = Buffer.from(
  [
    "GET /api/v1/items?page=2&sort=name HTTP/1.1",
    "Host: www.example.com",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br",
    "Referer: https://www.example.com/",
    "Cookie: session=0123456789abcdef",
    "DNT: 1",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: none",
    "Priority: u=0, i",
    "",
    "",
  ].join("\r\n"),
  "latin1",
);

const RESPONSE = Buffer.from(
  [
    "HTTP/1.1 200 OK",
    "Date: Sat, 21 Nov 2026 02:02:02 GMT",
    "Content-Type: text/html; charset=utf-8",
    "Content-Length: 12",
    "Cache-Control: max-age=60",
    'ETag: "5f3a-1b2c"',
    "Server: backend",
    "",
    "hello world\n",
  ].join("\r\n"),
  "latin1",
);

function measure(name: string, once: () => void): void {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < PER_ROUND; i++) once();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / PER_ROUND);
  }
  process.stdout.write(`${name.padEnd(44)} ${best.toFixed(0).padStart(6)} ns\n`);
}

const out = Buffer.alloc(65_536);
const requests = new RequestDecoder(DEFAULT_H1_LIMITS, { headerUnderscorePolicy: "reject", strictTe: false });
const request = new RequestHead();
const responses = new ResponseDecoder(DEFAULT_H1_LIMITS);
const response = new ResponseHead();

function decodeRequest(): void {
  requests.begin(request);
  const pos = requests.next(REQUEST, 0, REQUEST.length);
  if (requests.event !== H1Event.head) throw new Error("no head");
  requests.next(REQUEST, pos, REQUEST.length);
}

function decodeRequestInPieces(size: number): void {
  requests.begin(request);
  let pos = 0;
  for (let end = size; pos < REQUEST.length; end += size) {
    pos = requests.next(REQUEST, pos, Math.min(end, REQUEST.length));
  }
  requests.next(REQUEST, pos, REQUEST.length);
}

function decodeResponse(): void {
  responses.begin(response, "GET");
  let pos = 0;
  do pos = responses.next(RESPONSE, pos, RESPONSE.length);
  while (responses.event !== H1Event.end);
}

const ENCODING = { version: HttpVersion.http11, keepAlive: true, chunked: false };
measure(`decode request, ${REQUEST.length} B, 12 fields, whole`, decodeRequest);
measure("decode the same in pieces of 100 B", () => decodeRequestInPieces(100));
measure("decode the same byte by byte", () => decodeRequestInPieces(1));
measure("encode the same", () => encodeRequestHead(out, 0, request));
measure(`decode response, ${RESPONSE.length} B, 6 fields, with body`, decodeResponse);
measure("encode its head", () => encodeResponseHead(out, 0, response, ENCODING));
