/**
 * Fuzzes the QPACK decoder and encoder: the encoder stream and the field sections of one connection, near
 * those that encoders write.
 *
 * For every input: nothing throws; ours, with the encoder stream in pieces, and a plain decoder of the tests
 * find the same fields, and the same instructions and sections invalid or blocked; a decoder with tight
 * limits shows the beginning of the same lists; and what was decoded is encoded again, with a dynamic table,
 * to what the plain decoder finds it in.
 */
import { existsSync } from "node:fs";
import { readArchive, readChunks } from "../../conformance/h3/qifs-archive.ts";
import { QpackDecoder } from "../../src/wire/h3/qpack/decoder.ts";
import { QpackEncoder } from "../../src/wire/h3/qpack/encoder.ts";
import { QpackOutcome } from "../../src/wire/h3/qpack/qpack-code.ts";
import { type FieldList, ListSink } from "../support/field-lists.ts";
import { Blocked, PlainQpackDecoder } from "../support/plain-qpack.ts";
import { drain, encodeSection, setCapacity } from "../support/qpack-lists.ts";
import { type Change, listChanges, mutate, octetChanges } from "./mutate.ts";
import { caught, pieces } from "./pieces.ts";
import type { Random } from "./random.ts";

/** Representations, instructions, indices at the ends of the static table, lengths, small counts. */
const TELLING = Buffer.from([
  0x00, 0x01, 0x02, 0x03, 0x07, 0x08, 0x0f, 0x10, 0x1f, 0x20, 0x27, 0x2f, 0x30, 0x3f, 0x40, 0x50, 0x5f, 0x60,
  0x7f, 0x80, 0x81, 0x82, 0xbf, 0xc0, 0xc1, 0xfe, 0xff, 0x23, 0x24,
]);

/** Octets on the encoder stream, or a section. */
interface Chunk {
  readonly isSection: boolean;
  readonly bytes: Buffer;
}

type Chunks = readonly Chunk[];

const CHANGES = listChanges<Chunk>([
  ...octetChanges(TELLING).map((change): Change<Chunk> => ({ isSection, bytes }, random, others) => ({
    isSection,
    bytes: change(
      bytes,
      random,
      others.map((other) => other.bytes),
    ),
  })),
  ({ isSection, bytes }) => ({ isSection: !isSection, bytes }),
]);

const LISTS: readonly FieldList[] = [
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/a?b=c"],
    [":authority", "a.example"],
    ["user-agent", "test"],
    ["cookie", "a=b"],
  ],
  [
    [":status", "200"],
    ["server", "backend"],
    ["content-type", "text/html; charset=utf-8"],
    ["x-empty", ""],
  ],
];

/** So many files, and chunks of each, are enough to begin with. */
const MAX_FILES = 60;
const MAX_CHUNKS = 12;

const CAPACITIES = [0, 100, 256, 4096] as const;
const SECTION_BYTES = [40, 200, 1000] as const;
const BLOCKED_STREAMS = 1000;
const ROOMY = { maxFieldSectionBytes: 10_000_000, maxFields: 1_000_000, maxBlockedStreams: BLOCKED_STREAMS };

/** `vectors`: the folder of the vectors, which may be absent. */
export function createQpackTarget(vectors: URL): (random: Random) => string | undefined {
  const seeds = [...ownSeeds(), ...vectorSeeds(new URL("qpack-qifs.tar.gz", vectors))];
  return (random) => {
    const chunks = mutate<Chunks>(random.pick(seeds), seeds, CHANGES, random);
    const problem = caught(() => new Connection(random).play(chunks));
    return problem && `${JSON.stringify(chunks.map(nameOf))}\n  ${problem}`;
  };
}

function nameOf({ isSection, bytes }: Chunk): string {
  return `${isSection ? "section" : "encoder"} ${bytes.toString("hex")}`;
}

function ownSeeds(): Chunks[] {
  const encoder = new QpackEncoder(4096);
  encoder.setPeerSettings(4096, BLOCKED_STREAMS);
  const chunks = [...LISTS, ...LISTS, ...LISTS].flatMap((list) => {
    const section = Buffer.from(encodeSection(encoder, list));
    return [
      { isSection: true, bytes: section },
      { isSection: false, bytes: drain(encoder.instructions) },
    ];
  });
  return [chunks];
}

function vectorSeeds(file: URL): Chunks[] {
  if (!existsSync(file)) {
    process.stdout.write("the QPACK vectors are not there: fuzzing without them\n");
    return [];
  }
  const encoded = [...readArchive(file)].filter(([name]) => name.startsWith("encoded/"));
  const step = Math.ceil(encoded.length / MAX_FILES);
  return encoded
    .filter((_, index) => index % step === 0)
    .map(([, bytes]) =>
      readChunks(bytes)
        .slice(0, MAX_CHUNKS)
        .map((chunk) => ({ isSection: chunk.streamId !== 0, bytes: chunk.bytes })),
    );
}

class Connection {
  readonly #random: Random;
  readonly #plain: PlainQpackDecoder;
  readonly #roomy: QpackDecoder;
  readonly #tight: QpackDecoder;
  readonly #again: Again;
  #plainTook = true;
  #streamId = 0;

  constructor(random: Random) {
    const capacity = random.pick(CAPACITIES);
    this.#random = random;
    this.#plain = new PlainQpackDecoder(capacity);
    this.#roomy = new QpackDecoder({ ...ROOMY, maxTableBytes: capacity });
    const maxFieldSectionBytes = random.pick(SECTION_BYTES);
    this.#tight = new QpackDecoder({ ...ROOMY, maxFieldSectionBytes, maxFields: 3, maxTableBytes: capacity });
    this.#again = new Again(random.pick(CAPACITIES));
    if (random.once(4)) return;
    const begin = setCapacity(capacity);
    this.#plain.receiveEncoderStream(begin);
    for (const decoder of [this.#roomy, this.#tight]) decoder.receiveEncoderStream(begin, 0, begin.length);
  }

  /** What is wrong. Ends where the input is. */
  play(chunks: Chunks): string | undefined {
    for (const { isSection, bytes } of chunks) {
      if (!isSection && !this.#feed(bytes)) return this.#feedProblem();
      const expected = isSection ? this.#decodePlain(bytes) : [];
      if (!isSection) continue;
      this.#streamId += 4;
      const problem = this.#compare(bytes, expected) ?? this.#compareTight(bytes, expected);
      if (problem !== undefined || expected === "invalid") return problem;
      const lost = expected === "blocked" ? undefined : this.#again.problem(expected, this.#random);
      if (lost !== undefined) return lost;
    }
    return undefined;
  }

  /** Whether all take it. */
  #feed(bytes: Buffer): boolean {
    this.#tight.receiveEncoderStream(bytes, 0, bytes.length);
    const sizes = pieces(this.#random);
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const piece = Buffer.from(bytes.subarray(at, at + (sizes[turn % sizes.length] as number)));
      this.#roomy.receiveEncoderStream(piece, 0, piece.length);
      at += piece.length;
      piece.fill(0xff);
    }
    try {
      this.#plain.receiveEncoderStream(bytes);
    } catch {
      this.#plainTook = false;
      return false;
    }
    return this.#roomy.reason === "" && this.#tight.reason === "";
  }

  /** Ours may know of an instruction that is not whole that it will be wrong, and in pieces for another reason. */
  #feedProblem(): string | undefined {
    const reasons = `in pieces: ${this.#roomy.reason}; whole: ${this.#tight.reason}`;
    if (this.#roomy.reason === "" || this.#tight.reason === "") return `wrong for the others; ${reasons}`;
    return this.#plainTook && !this.#plain.isCut ? `wrong for nobody else; ${reasons}` : undefined;
  }

  #decodePlain(section: Buffer): FieldList | "blocked" | "invalid" {
    try {
      return this.#plain.decode(section);
    } catch (error) {
      return error instanceof Blocked ? "blocked" : "invalid";
    }
  }

  #compare(section: Buffer, expected: FieldList | "blocked" | "invalid"): string | undefined {
    const { outcome, list } = decode(this.#roomy, this.#streamId, section);
    if (expected === "invalid")
      return outcome === QpackOutcome.error ? undefined : `outcome ${outcome} of an invalid section`;
    if (expected === "blocked")
      return outcome === QpackOutcome.blocked ? undefined : `outcome ${outcome}, not blocked`;
    if (outcome !== QpackOutcome.complete) return `outcome ${outcome}: ${this.#roomy.reason}`;
    return JSON.stringify(list) === JSON.stringify(expected)
      ? undefined
      : `${JSON.stringify(list)}, not ${JSON.stringify(expected)}`;
  }

  #compareTight(section: Buffer, expected: FieldList | "blocked" | "invalid"): string | undefined {
    const { outcome, list } = decode(this.#tight, this.#streamId, section);
    if (typeof expected === "string") return undefined;
    const isWhole = list.length === expected.length;
    if (isWhole !== (outcome === QpackOutcome.complete)) return `tight: outcome ${outcome}`;
    const begun = JSON.stringify(expected.slice(0, list.length));
    return JSON.stringify(list) === begun ? undefined : "tight: another list";
  }
}

function decode(
  decoder: QpackDecoder,
  streamId: number,
  section: Buffer,
): { outcome: number; list: FieldList } {
  const sink = new ListSink();
  // Surroundings that give away a decoder which reads outside, or keeps what is not its own.
  const arena = Buffer.concat([Buffer.alloc(8, 0xc1), section, Buffer.alloc(8, 0xc1)]);
  const outcome = decoder.decode(streamId, arena, 8, 8 + section.length, sink);
  arena.fill(0xff);
  decoder.feedback.consume(decoder.feedback.length);
  return { outcome, list: sink.list };
}

/** Lists through our encoder, to the plain decoder. */
class Again {
  readonly #encoder: QpackEncoder;
  readonly #decoder: PlainQpackDecoder;

  constructor(capacity: number) {
    this.#encoder = new QpackEncoder(capacity);
    this.#encoder.setPeerSettings(capacity, BLOCKED_STREAMS);
    this.#decoder = new PlainQpackDecoder(capacity);
  }

  problem(list: FieldList, random: Random): string | undefined {
    if (!list.every(isWellFormed)) return undefined;
    // The encoder takes pseudo-header fields in front.
    const isPseudo = ([name]: FieldList[number]): boolean => name.startsWith(":");
    const sent = [...list.filter(isPseudo), ...list.filter((field) => !isPseudo(field))];
    const section = Buffer.from(encodeSection(this.#encoder, sent, 4));
    this.#decoder.receiveEncoderStream(drain(this.#encoder.instructions));
    const seen = this.#decoder.decode(section);
    // A section with references begins with their count.
    if (section[0] !== 0 && !this.#acknowledge(random)) return this.#encoder.reason;
    return JSON.stringify(seen) === JSON.stringify(sent) ? undefined : `encoded: ${JSON.stringify(seen)}`;
  }

  /** By an acknowledgment of the stream, or a cancellation. */
  #acknowledge(random: Random): boolean {
    const instruction = Buffer.from([random.once(3) ? 0x44 : 0x84]);
    return this.#encoder.receiveDecoderStream(instruction, 0, 1);
  }
}

function isWellFormed([name, value]: FieldList[number]): boolean {
  const isName = /^(?::(?:method|scheme|authority|path|status|protocol)|[!#$%&'*+\-.^_`|~0-9a-z]+)$/.test(
    name,
  );
  return isName && /^[\t\x20-\x7e\x80-\xff]*$/.test(value) && value === value.replace(/^[\t ]+|[\t ]+$/g, "");
}
