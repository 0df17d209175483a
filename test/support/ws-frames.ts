/** WebSocket frames for tests: made by hand, and read back strictly (RFC 6455 section 5.2). */

export interface FrameSpec {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The three reserved bits, as a number from 0 to 7. */
  readonly rsv?: number;
  readonly payload?: Buffer | string;
  /** A masking key; absent: the frame is not masked. */
  readonly mask?: number;
  /** The form of the length: 7, 16 or 64 bits. Default: the shortest. */
  readonly lengthBits?: 7 | 16 | 64;
  /** What the header announces, when that is not the payload's length. */
  readonly announced?: bigint;
}

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** A key for tests: any will do. */
export const MASK = 0x37fa_213d;

export function frame(spec: FrameSpec = {}): Buffer {
  const payload = Buffer.from(spec.payload ?? "");
  const length = spec.announced ?? BigInt(payload.length);
  const bits = spec.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const first = ((spec.fin ?? true) ? 0x80 : 0) | ((spec.rsv ?? 0) << 4) | (spec.opcode ?? TEXT);
  const maskBit = spec.mask === undefined ? 0 : 0x80;
  const short = bits === 7 ? Number(length) : bits === 16 ? 126 : 127;
  const parts: Buffer[] = [Buffer.from([first, maskBit | short])];
  if (bits === 16) parts.push(unsigned(length, 2));
  if (bits === 64) parts.push(unsigned(length, 8));
  if (spec.mask === undefined) return Buffer.concat([...parts, payload]);
  const key = unsigned(BigInt(spec.mask), 4);
  return Buffer.concat([...parts, key, masked(payload, key)]);
}

/** As a client sends it. */
export function clientFrame(spec: FrameSpec = {}): Buffer {
  return frame({ mask: MASK, ...spec });
}

/** The payload of a Close frame. */
export function closePayload(code: number, reason = ""): Buffer {
  return Buffer.concat([unsigned(BigInt(code), 2), Buffer.from(reason)]);
}

export interface ReadFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

/** All whole frames at the beginning of the bytes, and what is left. */
export function readFrames(bytes: Buffer): { readonly frames: ReadFrame[]; readonly rest: Buffer } {
  const frames: ReadFrame[] = [];
  let rest = bytes;
  for (;;) {
    const read = readFrame(rest);
    if (read === null) return { frames, rest };
    frames.push(read.frame);
    rest = rest.subarray(read.length);
  }
}

/** `code reason` of a Close frame. */
export function closeText({ payload }: ReadFrame): string {
  return payload.length < 2 ? "" : `${payload.readUInt16BE(0)} ${payload.toString("utf8", 2)}`.trimEnd();
}

function readFrame(bytes: Buffer): { readonly frame: ReadFrame; readonly length: number } | null {
  if (bytes.length < 2) return null;
  const first = bytes.readUInt8(0);
  const second = bytes.readUInt8(1);
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const isMasked = (second & 0x80) !== 0;
  const start = 2 + extended + (isMasked ? 4 : 0);
  if (bytes.length < start) return null;
  const length =
    extended === 0 ? short : extended === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < start + length) return null;
  const payload = bytes.subarray(start, start + length);
  return {
    frame: {
      opcode: first & 0x0f,
      fin: (first & 0x80) !== 0,
      rsv: (first >> 4) & 7,
      masked: isMasked,
      payload: isMasked ? masked(payload, bytes.subarray(start - 4, start)) : Buffer.from(payload),
    },
    length: start + length,
  };
}

function masked(payload: Buffer, key: Buffer): Buffer {
  return Buffer.from(payload.map((octet, index) => octet ^ (key[index % 4] ?? 0)));
}

function unsigned(value: bigint, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes.subarray(8 - size);
}
