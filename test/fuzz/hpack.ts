/**
 * Fuzzes the HPACK decoder and encoder: header blocks of one connection, near those that encoders write.
 *
 * For every input: nothing throws; ours and a plain decoder of the tests find the same fields, and the same
 * blocks invalid; a decoder with tight limits shows the beginning of the same list and goes on with the same
 * table; and what was decoded is encoded again to blocks in which the plain decoder finds it.
 */
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { HpackDecoder, HpackOutcome } from "../../src/wire/hpack/decoder.ts";
import { HpackEncoder } from "../../src/wire/hpack/encoder.ts";
import { type FieldList, ListSink } from "../support/field-lists.ts";
import { encodeList } from "../support/hpack-lists.ts";
import { PlainHpackDecoder } from "../support/plain-hpack.ts";
import { listChanges, mutate, octetChanges, splice } from "./mutate.ts";
import { caught } from "./pieces.ts";
import type { Random } from "./random.ts";

/** Representations, indices at the ends of both tables, lengths, size updates. */
const TELLING = Buffer.from([
  0x00, 0x01, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x3e, 0x40, 0x41, 0x7f, 0x80, 0x81, 0x82, 0xbd, 0xbe, 0xbf, 0xc0,
  0xff, 0x7e, 0xfe, 0xe1,
]);

/** Representations, whole or nearly so: size updates to 0, 40, 4096 and 4097, entries, literals, odd Huffman codes. */
const PIECES: readonly Buffer[] = [
  "20",
  "3f09",
  "3fe11f",
  "3fe21f",
  "82",
  "be",
  "bf",
  "c0",
  "ff80",
  "ffffffffff7f",
  "400161017a",
  "7e017a",
  "100161017a",
  "0f2e017a",
  "40816101ff",
  "4081ff8200ff",
  "408418ffffff81ff",
  "5f208180",
].map((hex) => Buffer.from(hex, "hex"));

const CHANGES = listChanges([
  ...octetChanges(TELLING),
  function insertPiece(block, random) {
    return splice(block, random.below(block.length + 1), 0, random.pick(PIECES));
  },
  function beginWith(block, random) {
    const pieces = Array.from({ length: 1 + random.below(3) }, () => random.pick(PIECES.slice(0, 4)));
    return Buffer.concat([...pieces, block]);
  },
]);

const LISTS: readonly FieldList[] = [
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/a?b=c"],
    [":authority", "a.example"],
    ["user-agent", "test"],
    ["accept", "*/*"],
    ["cookie", "a=b"],
  ],
  [
    [":method", "POST"],
    [":scheme", "https"],
    [":path", "/upload"],
    [":authority", "a.example"],
    ["content-type", "application/json"],
    ["x-request-id", "0123456789abcdef"],
    ["authorization", "Bearer secret"],
  ],
  [
    [":status", "200"],
    ["date", "Sat, 21 Nov 2026 02:02:02 GMT"],
    ["content-type", "text/html; charset=utf-8"],
    ["set-cookie", "a=b; Secure"],
    ["x-empty", ""],
  ],
  [
    [":status", "421"],
    ["server", "backend"],
    ["x-long", "long ".repeat(60).trim()],
  ],
];

/** So many stories, and blocks of each, are enough to begin with; there are thousands. */
const MAX_STORIES = 60;
const MAX_STORY_BLOCKS = 6;

const TABLE_BYTES = [0, 40, 300, 4096] as const;
const LIST_BYTES = [40, 200, 1000] as const;
const ROOMY = { maxListBytes: 10_000_000, maxFields: 1_000_000 };

type Blocks = readonly Buffer[];

/** `vectors`: the folder of the vectors, which may be absent. */
export function createHpackTarget(vectors: URL): (random: Random) => string | undefined {
  const seeds = [...ownSeeds(), ...storySeeds(new URL("hpack-stories.json.gz", vectors))];
  return (random) => {
    const blocks = mutate<Blocks>(random.pick(seeds), seeds, CHANGES, random);
    const problem = caught(() => decodeAll(blocks, random));
    return problem && `${JSON.stringify(blocks.map((block) => block.toString("hex")))}\n  ${problem}`;
  };
}

function ownSeeds(): Blocks[] {
  const encoder = new HpackEncoder();
  const twice = [...LISTS, ...LISTS].map((list) => Buffer.from(encodeList(encoder, list)));
  return [twice, ...LISTS.map((list) => [Buffer.from(encodeList(new HpackEncoder(), list))])];
}

function storySeeds(file: URL): Blocks[] {
  if (!existsSync(file)) {
    process.stdout.write("the HPACK stories are not there: fuzzing without them\n");
    return [];
  }
  const text = gunzipSync(readFileSync(file)).toString("utf8");
  const { stories } = JSON.parse(text) as {
    readonly stories: readonly { readonly cases: readonly (readonly [number | null, string])[] }[];
  };
  const step = Math.ceil(stories.length / MAX_STORIES);
  return stories
    .filter((_, index) => index % step === 0)
    .map(({ cases }) => cases.slice(0, MAX_STORY_BLOCKS).map(([, hex]) => Buffer.from(hex, "hex")));
}

function decodeAll(blocks: Blocks, random: Random): string | undefined {
  const plain = new PlainHpackDecoder();
  const roomy = new HpackDecoder(ROOMY);
  const tight = new HpackDecoder({ maxListBytes: random.pick(LIST_BYTES), maxFields: 3 });
  const again = new Again();
  for (const block of blocks) {
    if (random.once(6)) {
      const bytes = random.pick(TABLE_BYTES);
      for (const decoder of [plain, roomy, tight]) decoder.setTableLimit(bytes);
    }
    const expected = plainList(plain, block);
    const problem = compare(roomy, block, expected) ?? compareTight(tight, block, expected);
    if (problem !== undefined) return problem;
    if (expected === null) return undefined;
    const lost = again.problem(expected, random);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

/** `null`: the block is not valid. */
function plainList(decoder: PlainHpackDecoder, block: Buffer): FieldList | null {
  try {
    return decoder.decode(block);
  } catch {
    return null;
  }
}

function compare(decoder: HpackDecoder, block: Buffer, expected: FieldList | null): string | undefined {
  const { outcome, sink } = decode(decoder, block);
  if (expected === null)
    return outcome === HpackOutcome.error ? undefined : `outcome ${outcome} of an invalid block`;
  if (outcome !== HpackOutcome.complete) return `outcome ${outcome}: ${decoder.reason}`;
  return JSON.stringify(sink.list) === JSON.stringify(expected)
    ? undefined
    : `${JSON.stringify(sink.list)}, not ${JSON.stringify(expected)}`;
}

/** Once it has given up, it says the same ever after. */
function compareTight(decoder: HpackDecoder, block: Buffer, expected: FieldList | null): string | undefined {
  const { outcome, sink } = decode(decoder, block);
  if (outcome >= HpackOutcome.bomb) return undefined;
  if (expected === null) return `tight: outcome ${outcome} of an invalid block`;
  const begun = expected.slice(0, sink.list.length);
  const isWhole = sink.list.length === expected.length;
  if (isWhole !== (outcome === HpackOutcome.complete)) return `tight: outcome ${outcome}`;
  return JSON.stringify(sink.list) === JSON.stringify(begun) ? undefined : "tight: another list";
}

function decode(decoder: HpackDecoder, block: Buffer): { readonly outcome: number; readonly sink: ListSink } {
  const sink = new ListSink();
  // Surroundings that give away a decoder which reads outside, or keeps what is not its own.
  const arena = Buffer.concat([Buffer.alloc(8, 0x82), block, Buffer.alloc(8, 0x82)]);
  const outcome = decoder.decode(arena, 8, 8 + block.length, sink);
  arena.fill(0xff);
  return { outcome, sink };
}

/** Lists through our encoder, to the plain decoder. */
class Again {
  readonly #encoder = new HpackEncoder();
  readonly #decoder = new PlainHpackDecoder();

  problem(list: FieldList, random: Random): string | undefined {
    if (!list.every(isWellFormed)) return undefined;
    if (random.once(6)) {
      const bytes = random.pick(TABLE_BYTES);
      this.#encoder.setPeerTableLimit(bytes);
      this.#decoder.setTableLimit(bytes);
    }
    // The encoder takes pseudo-header fields in front.
    const isPseudo = ([name]: FieldList[number]): boolean => name.startsWith(":");
    const sent = [...list.filter(isPseudo), ...list.filter((field) => !isPseudo(field))];
    const seen = this.#decoder.decode(encodeList(this.#encoder, sent));
    return JSON.stringify(seen) === JSON.stringify(sent) ? undefined : `encoded: ${JSON.stringify(seen)}`;
  }
}

function isWellFormed([name, value]: FieldList[number]): boolean {
  const isName = /^(?::(?:method|scheme|authority|path|status|protocol)|[!#$%&'*+\-.^_`|~0-9a-z]+)$/.test(
    name,
  );
  return isName && /^[\t\x20-\x7e\x80-\xff]*$/.test(value) && value === value.replace(/^[\t ]+|[\t ]+$/g, "");
}
