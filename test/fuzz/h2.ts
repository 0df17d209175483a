/**
 * Fuzzes the HTTP/2 codec in both roles, with frames near those of real connections.
 *
 * For every input: nothing throws; with an owner that answers nothing, every cut leads to the same calls and the
 * same frames; heads are clean, and a request or response that was accepted whole has one canonical form in
 * HTTP/1.1, which our decoder and an independent parser read back as the same message. With an owner that
 * answers, resets and holds back at random, what is written stays legal, and each stream comes to one end
 * (`h2-lively.ts`).
 */
import { DEFAULT_H2_LIMITS, type H2Limits } from "../../src/wire/h2/h2-limits.ts";
import { UNKNOWN_LENGTH } from "../../src/wire/http/message.ts";
import { canonicalProblem, canonicalResponseProblem } from "../support/h1-canonical.ts";
import {
  requestRecord,
  type RequestRecord,
  responseRecord,
  type ResponseRecord,
} from "../support/h1-transcript.ts";
import { clientPreface, PREFACE, settings } from "../support/h2-dsl.ts";
import { H2Endpoint, requestHead } from "../support/h2-endpoint.ts";
import { dirt } from "./dirt.ts";
import { H2_CHANGES, joined } from "./h2-changes.ts";
import { livelyProblem } from "./h2-lively.ts";
import { REQUESTS, RESPONSES } from "./h2-seeds.ts";
import { mutate } from "./mutate.ts";
import { caught, pieces } from "./pieces.ts";
import type { Random } from "./random.ts";

/** Below half of a window: how much of it is given back at a time does not depend on the cut then. */
const MAX_BYTES = 16_384;

export type Role = "server" | "client";

const LIMITS: readonly Partial<H2Limits>[] = [
  { connectProtocol: true },
  { connectProtocol: true, underscores: "reject" },
  { maxConcurrentStreams: 1, underscores: "drop" },
  { maxHeaderListBytes: 200, maxFields: 3, maxPeerResets: 2, maxErrorResets: 2 },
];

/** One input; returns it in a form that can be repeated, with what is wrong with it, or undefined. */
export function createH2Target(): (random: Random) => string | undefined {
  return (random) => {
    const role: Role = random.once(2) ? "client" : "server";
    const seeds = role === "server" ? REQUESTS : RESPONSES;
    const bytes = joined(mutate(random.pick(seeds), seeds, H2_CHANGES, random), random).subarray(
      0,
      MAX_BYTES,
    );
    const limits = { ...DEFAULT_H2_LIMITS, ...random.pick(LIMITS) };
    const problem =
      caught(() => quietProblem(role, bytes, limits, random)) ??
      caught(() => livelyProblem(settled(role, limits), role, bytes, random));
    return problem === undefined ? undefined : `${role} ${bytes.toString("hex")}\n  ${problem}`;
  };
}

/** An endpoint that has exchanged prefaces; a client has asked on four streams. */
function settled(role: Role, limits: H2Limits): H2Endpoint {
  const endpoint = new H2Endpoint({ role, limits });
  endpoint.receive(role === "server" ? clientPreface() : settings([0x8, 1]));
  endpoint.events();
  endpoint.frames();
  if (role === "server") return endpoint;
  const { connection } = endpoint;
  const tunnel = requestHead("GET", "/tunnel");
  tunnel.upgrade = "websocket";
  connection.openStream(requestHead("GET", "/get"), true, {});
  connection.openStream(requestHead("POST", "/post", UNKNOWN_LENGTH), false, {});
  connection.openStream(requestHead("HEAD", "/head"), true, {});
  connection.openStream(tunnel, false, {});
  return endpoint;
}

function quietProblem(role: Role, bytes: Buffer, limits: H2Limits, random: Random): string | undefined {
  const whole = play(role, bytes, limits, [bytes.length]);
  const cut = play(role, bytes, limits, pieces(random));
  if (JSON.stringify(whole) !== JSON.stringify(cut))
    return `whole: ${JSON.stringify(whole)}\n  cut: ${JSON.stringify(cut)}`;
  for (const record of whole.requests) {
    const problem = dirt(record) ?? (record.ended ? canonicalProblem(record) : undefined);
    if (problem !== undefined) return problem;
  }
  for (const record of whole.responses) {
    const problem = dirt(record) ?? (record.ended ? canonicalResponseProblem(record) : undefined);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

interface Played {
  readonly events: readonly string[];
  readonly frames: readonly string[];
  readonly open: boolean;
  readonly requests: readonly RequestRecord[];
  readonly responses: readonly ResponseRecord[];
}

/** The preface, too, comes in the pieces that the sizes say. */
function play(role: Role, bytes: Buffer, limits: H2Limits, sizes: readonly number[]): Played {
  const endpoint = settled(role, limits);
  const { owner, connection } = endpoint;
  const requests = new Map<number, RequestRecord>();
  const responses = new Map<number, ResponseRecord>();
  const bodies = new Map<number, string>();
  owner.onRequestHook = (stream, head) => {
    if (!stream.isTunnel) requests.set(stream.id, requestRecord(head));
  };
  owner.onResponseHook = (stream, head) => {
    if (!stream.isTunnel) responses.set(stream.id, responseRecord(head, stream.isHead ? "HEAD" : "GET"));
  };
  owner.onDataHook = (stream, part) => {
    bodies.set(stream.id, (bodies.get(stream.id) ?? "") + part.latin1Slice());
  };
  feed(endpoint, bytes, sizes);
  const { open } = connection;
  const events = endpoint.events();
  for (const [id, record] of [...requests, ...responses]) {
    record.body = bodies.get(id) ?? "";
    // HTTP/1.1 has none behind a body of known length.
    record.trailers = record.bodyLength === UNKNOWN_LENGTH ? (owner.trailers.get(id) ?? []) : [];
    record.ended = owner.trailers.has(id);
  }
  connection.close("done");
  const frames = endpoint.frames();
  return { events, frames, open, requests: [...requests.values()], responses: [...responses.values()] };
}

/** Each piece in surroundings of its own, which are overwritten behind it. */
export function feed(endpoint: H2Endpoint, bytes: Buffer, sizes: readonly number[]): void {
  const { connection } = endpoint;
  let turn = 0;
  for (let at = 0; at < bytes.length && connection.open;) {
    const size = Math.max(1, sizes[turn++ % sizes.length] ?? 1);
    const piece = bytes.subarray(at, at + size);
    const arena = Buffer.concat([PREFACE, piece, PREFACE]);
    connection.receive(arena, PREFACE.length, PREFACE.length + piece.length);
    arena.fill(0xee);
    at += piece.length;
  }
}
