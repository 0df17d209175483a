/**
 * What HPACK costs per header block: `node bench/micro/hpack.ts`. Prints nanoseconds, the best of several
 * rounds, as the machine's slow phases are longer than a round.
 */
import { FieldScratch } from "../../src/wire/field-codec/field-scratch.ts";
import { huffmanDecode } from "../../src/wire/field-codec/huffman-decode.ts";
import { huffmanEncode } from "../../src/wire/field-codec/huffman-encode.ts";
import { PseudoId } from "../../src/wire/field-codec/name-id.ts";
import { HpackDecoder, HpackOutcome } from "../../src/wire/hpack/decoder.ts";
import { encodedBound, HpackEncoder } from "../../src/wire/hpack/encoder.ts";
import { FieldId } from "../../src/wire/http/field-id.ts";
import {
  AGENT,
  Collector,
  listOf,
  measure,
  PATH_BYTES,
  PATHS,
  paths,
  REQUEST,
  RESPONSE,
} from "./field-blocks.ts";

const LIMITS = { maxListBytes: 65_536, maxFields: 128 };
const scratch = new FieldScratch();
const out = Buffer.alloc(65_536);

function encodeRequest(encoder: HpackEncoder, target: Buffer, turn: number): number {
  encoder.begin(target, 0);
  encoder.addText(PseudoId.method, "GET");
  encoder.addText(PseudoId.scheme, "https");
  encoder.addText(PseudoId.authority, "www.example.com");
  const start = (turn & (PATHS - 1)) * PATH_BYTES;
  encoder.addSpan(PseudoId.path, paths, start, start + PATH_BYTES);
  for (let i = 0; i < REQUEST.count; i++) encoder.addField(REQUEST, i);
  return encoder.end();
}

function encodeResponse(encoder: HpackEncoder, target: Buffer, turn: number): number {
  encoder.begin(target, 0);
  encoder.addStatus(200);
  for (let i = 0; i < RESPONSE.count; i++) encoder.addField(RESPONSE, i);
  encoder.addNumber(FieldId.contentLength, turn & (PATHS - 1));
  return encoder.end();
}

const collector = new Collector();

function decode(decoder: HpackDecoder, block: Buffer): void {
  collector.fields.clear();
  if (decoder.decode(block, 0, block.length, collector) !== HpackOutcome.complete)
    throw new Error(decoder.reason);
}

/** The first block of a connection, and the ones that follow when its table is filled. */
function blocksOf(encode: typeof encodeRequest): { first: Buffer; second: Buffer; later: Buffer[] } {
  const encoder = new HpackEncoder(scratch);
  const block = (turn: number): Buffer => Buffer.from(out.subarray(0, encode(encoder, out, turn)));
  const [first, second] = [block(0), block(1)];
  return { first, second, later: Array.from({ length: PATHS }, (_, turn) => block(turn)) };
}

function measureKind(kind: string, encode: typeof encodeRequest): void {
  const { first, second, later } = blocksOf(encode);
  const encoder = new HpackEncoder(scratch);
  const sizes = `${first.length}, ${second.length} and ${(later[0] as Buffer).length} B`;
  process.stdout.write(`${kind}: first, second and later blocks of ${sizes}\n`);
  measure("  encode, table filled", (turn) => encode(encoder, out, turn));
  measure("  encode, new connection", (turn) => encode(new HpackEncoder(scratch), out, turn));
  const decoder = new HpackDecoder(LIMITS, scratch);
  decode(decoder, first);
  decode(decoder, second);
  measure("  decode, table filled", (turn) => decode(decoder, later[turn & (PATHS - 1)] as Buffer));
  measure("  decode, new connection", () => decode(new HpackDecoder(LIMITS, scratch), first));
}

measureKind("request, 12 fields", encodeRequest);
measureKind("response, 8 fields", encodeResponse);

const agent = Buffer.from(AGENT, "latin1");
const coded = Buffer.alloc(encodedBound(REQUEST, 0, 0));
const codedEnd = huffmanEncode(agent, 0, agent.length, coded, 0);
measure(`Huffman encode, ${agent.length} B`, () => huffmanEncode(agent, 0, agent.length, out, 0));
measure(`Huffman decode, ${codedEnd} B`, () => huffmanDecode(coded, 0, codedEnd, out, 0));

measureBomb();

/** One octet stands for 4 KB, 10,000 times: what is spent until it is known as an attack. */
function measureBomb(): void {
  const large = listOf([["x", "~".repeat(990)]]);
  const encoder = new HpackEncoder(scratch);
  encoder.begin(out, 0);
  for (let i = 0; i < 3; i++) encoder.addField(large, 0);
  const references = encoder.end();
  out.fill(out[references - 1] as number, references, references + 10_000);
  const bomb = Buffer.from(out.subarray(0, references + 10_000));
  measure("HPACK bomb of 10,000 references of 1 KB", () => {
    collector.fields.clear();
    const outcome = new HpackDecoder(LIMITS, scratch).decode(bomb, 0, bomb.length, collector);
    if (outcome !== HpackOutcome.bomb) throw new Error("decoded a bomb");
  });
}
