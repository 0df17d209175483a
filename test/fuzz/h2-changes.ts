/** Changes of HTTP/2 frames and of their order. Lengths are put right again, mostly: else all behind would be noise. */
import { Flag, FRAME_HEADER_BYTES, FrameType } from "../../src/wire/h2/frame/frame-type.ts";
import type { Frames } from "./h2-seeds.ts";
import { type Change, listChanges, octetChanges } from "./mutate.ts";
import type { Random } from "./random.ts";

/** Octets that mean something in frames, in settings and in header blocks. */
const TELLING = Buffer.from([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x1f, 0x20, 0x3a, 0x3d, 0x40, 0x7f, 0x80, 0x82, 0x84, 0xbe, 0xff, 0x0a,
  0x0d,
]);

const TYPES: readonly number[] = [...Object.values(FrameType), 0xbb];
const FLAGS: readonly number[] = [...Object.values(Flag), 0x2, 0x40];
const STREAMS: readonly number[] = [0, 1, 2, 3, 5, 7, 9, 101, 0x7fff_ffff, 0x8000_0001];

const LENGTH_BYTES = 3;
const TYPE_AT = 3;
const FLAGS_AT = 4;
const STREAM_AT = 5;

const headerChanges: readonly Change<Buffer>[] = [
  changed((frame, random) => frame.writeUInt8(random.pick(TYPES), TYPE_AT)),
  changed((frame, random) => frame.writeUInt8((frame[FLAGS_AT] as number) ^ random.pick(FLAGS), FLAGS_AT)),
  changed((frame, random) => frame.writeUInt32BE(random.pick(STREAMS), STREAM_AT)),
  changed((frame, random) => frame.writeUInt32BE(random.pick(STREAMS), STREAM_AT)),
];

const FRAME_CHANGES: readonly Change<Buffer>[] = [...headerChanges, ...octetChanges(TELLING)];

export const H2_CHANGES: readonly Change<Frames>[] = listChanges(FRAME_CHANGES);

/** The frames as bytes. One length in so many stays as the changes left it. */
export function joined(frames: Frames, random: Random): Buffer {
  return Buffer.concat(frames.map((frame) => (random.once(10) ? frame : withLength(frame))));
}

function withLength(frame: Buffer): Buffer {
  if (frame.length < FRAME_HEADER_BYTES) return frame;
  const right = Buffer.from(frame);
  right.writeUIntBE(frame.length - FRAME_HEADER_BYTES, 0, LENGTH_BYTES);
  return right;
}

function changed(change: (frame: Buffer, random: Random) => void): Change<Buffer> {
  return (frame, random) => {
    const copy = Buffer.from(frame);
    if (copy.length >= FRAME_HEADER_BYTES) change(copy, random);
    return copy;
  };
}
