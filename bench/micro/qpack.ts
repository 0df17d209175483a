/**
 * What QPACK costs per field section: `node bench/micro/qpack.ts`. First as the gateway uses it, with the
 * static table and literals; then with a dynamic table whose entries are all acknowledged, where each turn
 * takes the acknowledgment of its section too. Prints nanoseconds.
 */
import { FieldScratch } from "../../src/wire/field-codec/field-scratch.ts";
import { PseudoId } from "../../src/wire/field-codec/name-id.ts";
import { QpackDecoder } from "../../src/wire/h3/qpack/decoder.ts";
import { QpackEncoder } from "../../src/wire/h3/qpack/encoder.ts";
import { QpackOutcome } from "../../src/wire/h3/qpack/qpack-code.ts";
import { FieldId } from "../../src/wire/http/field-id.ts";
import { Collector, measure, PATH_BYTES, PATHS, paths, REQUEST, RESPONSE } from "./field-blocks.ts";

const TABLE_BYTES = 4096;
const LIMITS = {
  maxFieldSectionBytes: 65_536,
  maxFields: 128,
  maxTableBytes: TABLE_BYTES,
  maxBlockedStreams: 16,
};

/** All sections go on one stream, whose acknowledgment is this. */
const STREAM = 4;
const ACKNOWLEDGMENT = Buffer.from([0x80 | STREAM]);

const scratch = new FieldScratch();
const out = Buffer.alloc(65_536);
const collector = new Collector();

type Encode = (encoder: QpackEncoder, turn: number) => number;

function encodeRequest(encoder: QpackEncoder, turn: number): number {
  encoder.begin(STREAM, out, 0);
  encoder.addText(PseudoId.method, "GET");
  encoder.addText(PseudoId.scheme, "https");
  encoder.addText(PseudoId.authority, "www.example.com");
  const start = (turn & (PATHS - 1)) * PATH_BYTES;
  encoder.addSpan(PseudoId.path, paths, start, start + PATH_BYTES);
  for (let i = 0; i < REQUEST.count; i++) encoder.addField(REQUEST, i);
  return encoder.end();
}

function encodeResponse(encoder: QpackEncoder, turn: number): number {
  encoder.begin(STREAM, out, 0);
  encoder.addStatus(200);
  for (let i = 0; i < RESPONSE.count; i++) encoder.addField(RESPONSE, i);
  encoder.addNumber(FieldId.contentLength, turn & (PATHS - 1));
  return encoder.end();
}

function decode(decoder: QpackDecoder, section: Buffer): void {
  collector.fields.clear();
  if (decoder.decode(STREAM, section, 0, section.length, collector) !== QpackOutcome.complete)
    throw new Error(decoder.reason);
  decoder.feedback.consume(decoder.feedback.length);
}

/** Both ends; the dynamic table, if there is one, is filled by two messages. */
function endsOf(tableBytes: number, encode: Encode): { encoder: QpackEncoder; decoder: QpackDecoder } {
  const encoder = new QpackEncoder(tableBytes, scratch);
  const decoder = new QpackDecoder({ ...LIMITS, maxTableBytes: tableBytes }, scratch);
  encoder.setPeerSettings(tableBytes, 0);
  for (let turn = 0; turn < 3; turn++) {
    encode(encoder, turn);
    const { instructions } = encoder;
    decoder.receiveEncoderStream(instructions.bytes, 0, instructions.length);
    instructions.consume(instructions.length);
    const { feedback } = decoder;
    encoder.receiveDecoderStream(feedback.bytes, 0, feedback.length);
    feedback.consume(feedback.length);
  }
  return { encoder, decoder };
}

function measureKind(kind: string, tableBytes: number, encode: Encode): void {
  const { encoder, decoder } = endsOf(tableBytes, encode);
  const once = (turn: number): number => {
    const end = encode(encoder, turn);
    if (tableBytes > 0) encoder.receiveDecoderStream(ACKNOWLEDGMENT, 0, 1);
    return end;
  };
  const sections = Array.from({ length: PATHS }, (_, turn) => {
    const end = once(turn);
    return Buffer.from(out.subarray(encoder.start, end));
  });
  process.stdout.write(`${kind}, table of ${tableBytes} B: ${(sections[0] as Buffer).length} B\n`);
  measure("  encode", once);
  measure("  decode", (turn) => decode(decoder, sections[turn & (PATHS - 1)] as Buffer));
  if (tableBytes === 0) {
    measure("  encode, new connection", (turn) => encode(new QpackEncoder(0, scratch), turn));
    const limits = { ...LIMITS, maxTableBytes: 0 };
    measure("  decode, new connection", () =>
      decode(new QpackDecoder(limits, scratch), sections[0] as Buffer),
    );
  }
}

for (const tableBytes of [0, TABLE_BYTES]) {
  measureKind("request, 12 fields", tableBytes, encodeRequest);
  measureKind("response, 8 fields", tableBytes, encodeResponse);
}

measureBomb();

/** One octet stands for 3 KB, 10,000 times: what is spent until it is over the limit. */
function measureBomb(): void {
  const decoder = new QpackDecoder(LIMITS, scratch);
  const insert = Buffer.concat([Buffer.from("3fe11f41617f9917", "hex"), Buffer.alloc(3096, "v")]);
  if (!decoder.receiveEncoderStream(insert, 0, insert.length)) throw new Error(decoder.reason);
  const bomb = Buffer.concat([Buffer.from("0200", "hex"), Buffer.alloc(10_000, 0x80)]);
  measure("QPACK bomb of 10,000 references of 3 KB", () => {
    collector.fields.clear();
    const outcome = decoder.decode(STREAM, bomb, 0, bomb.length, collector);
    if (outcome !== QpackOutcome.tooLarge) throw new Error("decoded a bomb");
    decoder.feedback.consume(decoder.feedback.length);
  });
}
