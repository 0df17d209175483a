/**
 * Runs the QPACK interop vectors: what several encoders made of known field lists, with capacities of the
 * table, limits of blocked streams and acknowledgments as the file names say. Our decoder must find the
 * lists, with the streams whole and octet by octet; and must refuse what is wrong.
 */
import type { QpackDecoder } from "../../src/wire/h3/qpack/decoder.ts";
import { QpackCode, QpackOutcome } from "../../src/wire/h3/qpack/qpack-code.ts";
import { type FieldList, ListSink } from "../../test/support/field-lists.ts";
import { decoderAt, outcomeOf } from "../../test/support/qpack-lists.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { type QifChunk, readArchive, readChunks, readQif } from "./qifs-archive.ts";

const ENCODED = "encoded/qpack-05/";
const ERRORS = "encoded/errors/";

/** `NAME.out.CAPACITY.BLOCKED.ACKNOWLEDGED`; the examples of the draft name no limits. */
const ENCODED_NAME = /([\w-]+)\.out(?:\.(\d+)\.(\d+)\.[01])?$/;
const DEFAULT_CAPACITY = 4096;
const DEFAULT_BLOCKED = 16;

/** Indices of the static table that drafts did not have, and RFC 9204 has. */
const VALID: ReadonlySet<string> = new Set(["err9", "err10"]);

const ENCODER_STREAM = 0;

interface Limits {
  readonly capacity: number;
  readonly blocked: number;
}

/** Results in the order of the archive. */
export function runQpackQifs(file: URL): CaseResult[] {
  const files = readArchive(file);
  const results: CaseResult[] = [];
  for (const [name, bytes] of files) {
    if (name.startsWith(ENCODED)) {
      const id = name.slice(ENCODED.length);
      results.push({ id: `decode/${id}`, problem: decodeProblem(id, readChunks(bytes), files) });
    } else if (name.startsWith(ERRORS)) {
      const id = name.slice(ERRORS.length);
      results.push({ id: `errors/${id}`, problem: errorProblem(id, readChunks(bytes)) });
    }
  }
  return results;
}

function decodeProblem(
  id: string,
  chunks: readonly QifChunk[],
  files: ReadonlyMap<string, Buffer>,
): string | undefined {
  const [, name, capacity = DEFAULT_CAPACITY, blocked = DEFAULT_BLOCKED] = ENCODED_NAME.exec(id) ?? [];
  const lists = files.get(`qifs/${name}.qif`);
  if (lists === undefined) return "no field lists of this name";
  const expected = JSON.stringify(readQif(lists.latin1Slice()));
  const limits = { capacity: Number(capacity), blocked: Number(blocked) };
  for (const pieceBytes of [Infinity, 1]) {
    const player = new Player(limits);
    const problem = player.play(chunks, pieceBytes);
    if (problem !== undefined) return problem;
    const seen = JSON.stringify(player.lists());
    if (seen !== expected) return `expected ${expected}, got ${seen}`;
  }
  return undefined;
}

function errorProblem(id: string, chunks: readonly QifChunk[]): string | undefined {
  const player = new Player({ capacity: DEFAULT_CAPACITY, blocked: DEFAULT_BLOCKED });
  const problem = player.play(chunks, Infinity);
  if (VALID.has(id)) return problem;
  const wrongStream = chunks[0]?.streamId === ENCODER_STREAM;
  const code = wrongStream ? QpackCode.encoderStreamError : QpackCode.decompressionFailed;
  return player.code === code ? undefined : `the code is ${player.code}, not ${code}`;
}

/** A connection whose streams come as the chunks say. */
class Player {
  readonly #decoder: QpackDecoder;
  readonly #lists = new Map<number, FieldList>();
  readonly #waiting = new Map<number, Buffer>();

  constructor({ capacity, blocked }: Limits) {
    this.#decoder = decoderAt(capacity, { maxBlockedStreams: blocked });
  }

  get code(): QpackCode {
    return this.#decoder.code;
  }

  /** By stream. */
  lists(): FieldList[] {
    return [...this.#lists].toSorted(([one], [other]) => one - other).map(([, list]) => list);
  }

  /** What went wrong. */
  play(chunks: readonly QifChunk[], pieceBytes: number): string | undefined {
    for (const { streamId, bytes } of chunks) {
      if (streamId === ENCODER_STREAM) this.#feed(bytes, Math.min(pieceBytes, bytes.length));
      else this.#decode(streamId, bytes);
    }
    if (this.#decoder.code !== QpackCode.none) return this.#decoder.reason;
    return this.#waiting.size === 0 ? undefined : `${this.#waiting.size} sections are still blocked`;
  }

  #feed(bytes: Buffer, pieceBytes: number): void {
    const decoder = this.#decoder;
    for (let at = 0; at < bytes.length; at += pieceBytes)
      if (!decoder.receiveEncoderStream(bytes, at, Math.min(bytes.length, at + pieceBytes))) return;
    for (let id = decoder.nextUnblocked(); id !== -1; id = decoder.nextUnblocked()) {
      const section = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (section !== undefined) this.#decode(id, section);
    }
  }

  #decode(streamId: number, section: Buffer): void {
    const sink = new ListSink();
    const outcome = outcomeOf(this.#decoder, section, streamId, sink);
    if (outcome === QpackOutcome.complete) this.#lists.set(streamId, sink.list);
    else if (outcome === QpackOutcome.blocked) this.#waiting.set(streamId, section);
  }
}
