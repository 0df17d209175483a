/**
 * What the HTTP/2 codec costs: `node bench/micro/h2-codec.ts [--only PART]`. Two connections face each
 * other; for the measurement of one, what the other would send is replayed, with other stream
 * identifiers, in the state of the header compression that repeated messages lead to. Prints
 * nanoseconds of the thread's CPU time, the best of several rounds, as the machine's slow phases are longer than a round.
 */
import { parseArgs } from "node:util";
import type { Fields } from "../../src/wire/http/fields.ts";
import { RequestHead, ResponseHead } from "../../src/wire/http/message.ts";
import { H2Connection } from "../../src/wire/h2/h2-connection.ts";
import { DEFAULT_H2_LIMITS } from "../../src/wire/h2/h2-limits.ts";
import type { H2ClientOwner, H2ServerOwner } from "../../src/wire/h2/h2-owner.ts";
import { H2Scratch } from "../../src/wire/h2/h2-scratch.ts";
import type { H2Sink } from "../../src/wire/h2/h2-sink.ts";
import type { H2Stream } from "../../src/wire/h2/h2-stream.ts";

const ROUNDS = 12;
const PER_ROUND = 40_000;
const WARM_UP = 200;
const LARGE_BYTES = 1_048_576;
const ARENA_BYTES = 4 * 1024 * 1024;

const REQUEST_FIELDS: readonly [string, string][] = [
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
  ["accept", "text/html,application/xhtml+xml,*/*;q=0.8"],
  ["accept-language", "en-US,en;q=0.5"],
  ["accept-encoding", "gzip, deflate, br"],
  ["referer", "https://www.example.com/"],
  ["cookie", "session=0123456789abcdef0123456789"],
  ["sec-fetch-dest", "document"],
  ["sec-fetch-mode", "navigate"],
  ["sec-fetch-site", "none"],
  ["priority", "u=0, i"],
];

const RESPONSE_FIELDS: readonly [string, string][] = [
  ["Date", "Sat, 21 Nov 2026 02:02:02 GMT"],
  ["Content-Type", "text/html; charset=utf-8"],
  ["Cache-Control", "max-age=60"],
  ["ETag", '"5f3a-1b2c"'],
  ["Server", "backend"],
];

const BODY = Buffer.from("hello world\n");
const LARGE = Buffer.alloc(LARGE_BYTES, "x");
const NO_TRAILERS: Fields | null = null;

/** Forgets what it is given, but remembers the last frames when asked to. */
class Sink implements H2Sink {
  readonly out: Buffer = Buffer.alloc(ARENA_BYTES);
  used = 0;
  reserve(_size: number): number {
    return this.used;
  }
  send(_start: number, end: number): void {
    this.used = end;
  }
  blocked(): boolean {
    return false;
  }
  flush(): void {}
  queuedBytes(): number {
    return 0;
  }
}

function fill(fields: Fields, list: readonly (readonly [string, string])[]): void {
  for (const [name, value] of list) {
    const bytes = Buffer.from(name + value, "latin1");
    fields.addBytes(bytes, 0, name.length, name.length, bytes.length);
  }
}

const response = new ResponseHead();
response.status = 200;
fill(response.fields, RESPONSE_FIELDS);

const request = new RequestHead();
request.method = "GET";
request.authority = "www.example.com";
request.path = "/api/v1/items?page=2&sort=name";
fill(request.fields, REQUEST_FIELDS);

class Server implements H2ServerOwner {
  readonly sink = new Sink();
  readonly connection: H2Connection;
  body: Buffer = BODY;
  readonly #head = new RequestHead();

  constructor(clock: { nowMs: number }, scratch: H2Scratch) {
    const { sink } = this;
    const options = { role: "server", limits: DEFAULT_H2_LIMITS, sink, clock, scratch } as const;
    this.connection = new H2Connection({ ...options, owner: this });
    this.connection.start();
  }

  requestHead(): RequestHead {
    return this.#head;
  }

  onEnd(stream: H2Stream): void {
    response.bodyLength = this.body.length;
    this.connection.sendHead(stream, response, false);
    this.connection.sendData(stream, this.body, 0, this.body.length);
    this.connection.sendEnd(stream, NO_TRAILERS);
  }

  onData(stream: H2Stream, _bytes: Buffer, start: number, end: number): void {
    this.connection.consumed(stream, end - start);
  }

  onRequest(): void {}
  onBadRequest(): void {}
  onStreamDrained(): void {}
  onStreamClosed(): void {}
  onStreamError(): void {}
  onSettings(): void {}
  onGoAway(): void {}
  onPong(): void {}
  onConnectionError(): void {
    throw new Error("the server has failed");
  }
}

class Client implements H2ClientOwner {
  readonly sink = new Sink();
  readonly connection: H2Connection;
  readonly #head = new ResponseHead();

  constructor(clock: { nowMs: number }, scratch: H2Scratch) {
    const { sink } = this;
    const limits = { ...DEFAULT_H2_LIMITS, streamWindowBytes: 2 ** 24, connectionWindowBytes: 2 ** 30 };
    const options = { role: "client", scheme: "https", limits, sink, clock, scratch } as const;
    this.connection = new H2Connection({ ...options, owner: this });
    this.connection.start();
  }

  open(): H2Stream {
    return this.connection.openStream(request, true, this) as H2Stream;
  }

  responseHead(): ResponseHead {
    return this.#head;
  }

  onData(stream: H2Stream, _bytes: Buffer, start: number, end: number): void {
    this.connection.consumed(stream, end - start);
  }

  onInformational(): void {}
  onResponse(): void {}
  onEnd(): void {}
  onStreamDrained(): void {}
  onStreamClosed(): void {}
  onStreamError(): void {}
  onSettings(): void {}
  onGoAway(): void {}
  onPong(): void {}
  onConnectionError(): void {
    throw new Error("the client has failed");
  }
}

/** Two ends that have talked long enough that repeated messages are spelt alike. */
class Pair {
  readonly clock = { nowMs: 0 };
  readonly scratch = new H2Scratch();
  readonly server = new Server(this.clock, this.scratch);
  readonly client = new Client(this.clock, this.scratch);
  /** One request, and its response. */
  request: Buffer = Buffer.alloc(0);
  response: Buffer = Buffer.alloc(0);
  nextId = 1;

  constructor(body: Buffer) {
    this.server.body = body;
    for (let i = 0; i < WARM_UP; i++) {
      this.clock.nowMs += 1000;
      this.client.open();
      this.request = this.#deliver(this.client.sink, this.server.connection);
      this.response = this.#deliver(this.server.sink, this.client.connection);
      this.#deliver(this.client.sink, this.server.connection);
      this.nextId += 2;
    }
  }

  #deliver(sink: Sink, to: H2Connection): Buffer {
    const bytes = Buffer.from(sink.out.subarray(0, sink.used));
    sink.used = 0;
    to.receive(bytes, 0, bytes.length);
    return bytes;
  }
}

/** Gives every frame another stream identifier. */
function renumber(bytes: Buffer, streamId: number): void {
  for (let at = 0; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    bytes.writeUInt32BE(streamId, at + 5);
}

/** `units`: so many of what is measured are in one call. */
function measure(name: string, perRound: number, once: () => void, units = 1): void {
  if (only !== undefined && !name.includes(only)) return;
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.threadCpuUsage();
    for (let i = 0; i < perRound; i++) once();
    const { user, system } = process.threadCpuUsage(start);
    best = Math.min(best, ((user + system) * 1000) / perRound / units);
  }
  process.stdout.write(`${name.padEnd(56)} ${best.toFixed(0).padStart(8)} ns\n`);
}

const { only } = parseArgs({ options: { only: { type: "string" } } }).values;

function measureServer(): void {
  const pair = new Pair(BODY);
  const { server, clock } = pair;
  const bytes = pair.request;
  measure(`server: request of ${bytes.length} B in, response out`, PER_ROUND, () => {
    clock.nowMs += 0.01;
    renumber(bytes, pair.nextId);
    pair.nextId += 2;
    server.connection.receive(bytes, 0, bytes.length);
    server.sink.used = 0;
  });
}

function measureBatch(streams: number): void {
  const pair = new Pair(BODY);
  const { server, clock } = pair;
  const one = pair.request;
  const bytes = Buffer.concat(Array.from({ length: streams }, () => one));
  const perRound = Math.ceil(PER_ROUND / streams);
  const once = (): void => {
    clock.nowMs += 1;
    for (let i = 0; i < streams; i++) {
      renumber(bytes.subarray(i * one.length, (i + 1) * one.length), pair.nextId);
      pair.nextId += 2;
    }
    server.connection.receive(bytes, 0, bytes.length);
    server.sink.used = 0;
  };
  measure(`server: ${streams} of them in one batch, each`, perRound, once, streams);
}

function measureClient(): void {
  const pair = new Pair(BODY);
  const { client, clock } = pair;
  const bytes = pair.response;
  measure(`client: request out, response of ${bytes.length} B in`, PER_ROUND, () => {
    clock.nowMs += 0.01;
    const stream = client.open();
    renumber(bytes, stream.id);
    client.connection.receive(bytes, 0, bytes.length);
    client.sink.used = 0;
  });
}

function measureLarge(): void {
  const pair = new Pair(LARGE);
  const { client, server, clock } = pair;
  const bytes = pair.response;
  const update = Buffer.from("00000408000000000000100000", "hex");
  measure("server: response of 1 MiB", 500, () => {
    clock.nowMs += 1;
    renumber(pair.request, pair.nextId);
    pair.nextId += 2;
    server.connection.receive(pair.request, 0, pair.request.length);
    server.connection.receive(update, 0, update.length);
    server.sink.used = 0;
  });
  measure("client: response of 1 MiB", 500, () => {
    clock.nowMs += 1;
    const stream = client.open();
    renumber(bytes, stream.id);
    client.connection.receive(bytes, 0, bytes.length);
    client.sink.used = 0;
  });
}

measureServer();
measureBatch(64);
measureClient();
measureLarge();
