/**
 * The other half of the HTTP/2 target: an owner that does at random what owners may do, against the same inputs.
 * What is written must be legal, and each stream must come to exactly one end, after which nothing is heard of it.
 */
import type { H2Stream } from "../../src/wire/h2/h2-stream.ts";
import { HttpVersion, UNKNOWN_LENGTH } from "../../src/wire/http/message.ts";
import type { H2Endpoint } from "../support/h2-endpoint.ts";
import { responseHead } from "../support/h2-endpoint.ts";
import type { Role } from "./h2.ts";
import type { Random } from "./random.ts";

const BODY = Buffer.alloc(100_000, "x");
const CANCEL = 8;

export function livelyProblem(
  endpoint: H2Endpoint,
  role: Role,
  bytes: Buffer,
  random: Random,
): string | undefined {
  const { connection, owner, sink, clock } = endpoint;
  const lively = new LivelyOwner(endpoint, role, random);
  sink.highWaterBytes = random.pick([1, 100, 20_000, Infinity]);
  const written: string[] = [];
  for (let at = 0; at < bytes.length && connection.open;) {
    const size = 1 + random.below(random.pick([3, 40, 400, 4000]));
    const piece = Buffer.from(bytes.subarray(at, at + size));
    connection.receive(piece, 0, piece.length);
    piece.fill(0xee);
    at += piece.length;
    lively.act();
    if (random.once(3)) clock.nowMs += random.below(3000);
    if (random.once(2)) {
      written.push(...endpoint.frames());
      connection.onSinkDrained();
    }
  }
  if (connection.queuedBytes < 0) return "less than nothing is queued";
  connection.close("done");
  written.push(...endpoint.frames());
  if (connection.streamCount !== 0 || connection.queuedBytes !== 0) return "something is left behind";
  return (
    eventsProblem(endpoint.events(), [...owner.streams.keys()], lively.given) ?? framesProblem(written, role)
  );
}

/** Answers what comes, at once or never; gives up streams; holds back what it has got. */
class LivelyOwner {
  /** Streams that it has reset. */
  readonly given = new Set<number>();
  readonly #endpoint: H2Endpoint;
  readonly #random: Random;
  readonly #streams = new Set<H2Stream>();
  readonly #held = new Map<H2Stream, number>();

  constructor(endpoint: H2Endpoint, role: Role, random: Random) {
    this.#endpoint = endpoint;
    this.#random = random;
    const { owner } = endpoint;
    owner.hold = true;
    owner.onRequestHook = (stream) => {
      this.#streams.add(stream);
      if (random.once(2)) this.#answer(stream);
    };
    owner.onDataHook = (stream, part) => {
      this.#streams.add(stream);
      this.#held.set(stream, (this.#held.get(stream) ?? 0) + part.length);
      if (random.once(2)) this.#consume(stream);
    };
    owner.onEndHook = (stream) => {
      if (role === "server" && random.once(4)) this.#reset(stream);
    };
  }

  /** Between two pieces. */
  act(): void {
    const { connection } = this.#endpoint;
    const random = this.#random;
    if (random.once(8)) connection.ping();
    if (random.once(20)) connection.goAway(0, connection.lastStreamId);
    for (const stream of this.#streams) {
      if (random.once(3)) this.#consume(stream);
      if (random.once(20)) this.#reset(stream);
    }
  }

  #answer(stream: H2Stream): void {
    const { connection } = this.#endpoint;
    const random = this.#random;
    if (random.once(5)) return this.#reset(stream);
    if (random.once(4)) connection.sendHead(stream, responseHead(103, 0), false);
    if (random.once(4)) connection.ignoreRest(stream);
    const bytes = random.once(3) ? 0 : random.below(random.pick([10, 1000, BODY.length]));
    const head = responseHead(200, random.once(2) ? bytes : UNKNOWN_LENGTH);
    if (random.once(2)) head.version = HttpVersion.http2;
    const ended = bytes === 0 && random.once(2);
    connection.sendHead(stream, head, ended);
    connection.sendData(stream, BODY, 0, bytes);
    connection.sendEnd(stream, null);
  }

  #consume(stream: H2Stream): void {
    const bytes = this.#held.get(stream) ?? 0;
    this.#held.delete(stream);
    if (bytes > 0) this.#endpoint.connection.consumed(stream, bytes);
  }

  #reset(stream: H2Stream): void {
    this.given.add(stream.id);
    this.#streams.delete(stream);
    this.#endpoint.connection.reset(stream, CANCEL);
  }
}

/** `given`: streams that the owner has reset, of which it hears nothing more. */
function eventsProblem(
  events: readonly string[],
  ids: readonly number[],
  given: ReadonlySet<number>,
): string | undefined {
  for (const id of ids) {
    const own = events
      .filter((event) => event.startsWith(`${id} `))
      .map((event) => event.split(" ")[1] ?? "");
    const last = own.findIndex((what) => what === "closed" || what === "error");
    if (last !== -1 && last !== own.length - 1)
      return `${id}: ${own.join(" ")}: something behind the last call`;
    if (last === -1 && !given.has(id) && own.length > 0) return `${id}: ${own.join(" ")}: no last call`;
    if (own.filter((what) => what === "end").length > 1) return `${id}: two ends`;
  }
  return undefined;
}

/** Frames on a stream: a head, DATA, an end, in this order; nothing behind the end or RST_STREAM but RST_STREAM. */
function framesProblem(lines: readonly string[], role: Role): string | undefined {
  const states = new Map<string, "head" | "body" | "over">();
  for (const line of lines) {
    const [, type = "", id = ""] = /^(\w+) (\d+)/.exec(line) ?? [];
    const state = states.get(id) ?? "head";
    const ends = line.startsWith(`${type} ${id} end`);
    if (type === "HEADERS" || type === "DATA") {
      if (state === "over") return `${line.slice(0, 80)}: behind the end`;
      if (type === "DATA" && state === "head") return `${line.slice(0, 80)}: in front of a head`;
      const isEarly = role === "server" && / :status=1/.test(line);
      states.set(id, ends ? "over" : isEarly ? "head" : "body");
    } else if (type === "RST_STREAM") {
      states.set(id, "over");
    }
  }
  return undefined;
}
