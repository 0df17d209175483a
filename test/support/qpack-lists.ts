/** Field lists to and from QPACK's field sections, over streams that are only memory. */
import { QpackDecoder } from "../../src/wire/h3/qpack/decoder.ts";
import { encodedSectionBound, type QpackEncoder } from "../../src/wire/h3/qpack/encoder.ts";
import type { InstructionQueue } from "../../src/wire/h3/qpack/instruction-queue.ts";
import { QpackOutcome } from "../../src/wire/h3/qpack/qpack-code.ts";
import type { QpackDecoderLimits } from "../../src/wire/h3/qpack/qpack-limits.ts";
import { type FieldList, ListSink, splitList } from "./field-lists.ts";

export const ROOMY_QPACK_LIMITS: QpackDecoderLimits = {
  maxFieldSectionBytes: 65_536,
  maxFields: 256,
  maxTableBytes: 4096,
  maxBlockedStreams: 16,
};

/** A decoder whose peer has set the capacity of its table. */
export function decoderAt(capacity: number, limits: Partial<QpackDecoderLimits> = {}): QpackDecoder {
  const decoder = new QpackDecoder({ ...ROOMY_QPACK_LIMITS, maxTableBytes: capacity, ...limits });
  if (capacity > 0 && !feedEncoderStream(decoder, setCapacity(capacity))) throw new Error(decoder.reason);
  return decoder;
}

/** The instruction Set Dynamic Table Capacity (RFC 9204 section 4.3.1). */
export function setCapacity(bytes: number): Buffer {
  const octets: number[] = [];
  let rest = bytes - 31;
  if (rest < 0) return Buffer.from([0x20 | bytes]);
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push(0x80 | (rest % 128));
  return Buffer.from([0x3f, ...octets, rest]);
}

/** `bytes` may be hex with blanks. */
export function feedEncoderStream(decoder: QpackDecoder, bytes: Buffer | string): boolean {
  const buffer = bytesOf(bytes);
  return decoder.receiveEncoderStream(buffer, 0, buffer.length);
}

export function outcomeOf(
  decoder: QpackDecoder,
  section: Buffer | string,
  streamId = 0,
  sink: ListSink = new ListSink(),
): QpackOutcome {
  const buffer = bytesOf(section);
  return decoder.decode(streamId, buffer, 0, buffer.length, sink);
}

/** The sink of a section that must decode. */
export function decodeSection(decoder: QpackDecoder, section: Buffer | string, streamId = 0): ListSink {
  const sink = new ListSink();
  const outcome = outcomeOf(decoder, section, streamId, sink);
  if (outcome !== QpackOutcome.complete) throw new Error(`outcome ${outcome}: ${decoder.reason}`);
  return sink;
}

/** Pseudo-header fields go in front, as texts. */
export function encodeSection(encoder: QpackEncoder, list: FieldList, streamId = 0): Buffer {
  const { pseudo, pseudoBytes, fields } = splitList(list);
  const target = Buffer.alloc(encodedSectionBound(fields, pseudo.length, pseudoBytes));
  encoder.begin(streamId, target, 0);
  for (const [id, value] of pseudo) encoder.addText(id, value);
  for (let i = 0; i < fields.count; i++) encoder.addField(fields, i);
  const end = encoder.end();
  if (end > target.length) throw new Error("a section that is larger than its bound");
  return target.subarray(encoder.start, end);
}

/** Takes out up to `count` octets of what waits. */
export function drain(queue: InstructionQueue, count: number = queue.length): Buffer {
  const taken = Buffer.from(queue.bytes.subarray(0, Math.min(count, queue.length)));
  queue.consume(taken.length);
  return taken;
}

export function bytesOf(bytes: Buffer | string): Buffer {
  return typeof bytes === "string" ? Buffer.from(bytes.replaceAll(/\s/g, ""), "hex") : bytes;
}
