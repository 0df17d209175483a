/**
 * HTTP/3 frames for tests: builders that make any frame, valid or not, and a reader that shows frames as
 * lines of text, as in `HEADERS :status=200`. Field sections are built as plain literals, so that a test's
 * input does not depend on the encoder that is tested.
 */
import { QpackDecoder } from "../../src/wire/h3/qpack/decoder.ts";
import { QpackOutcome } from "../../src/wire/h3/qpack/qpack-code.ts";
import { type FieldList, string } from "./h2-dsl.ts";

/** An integer in its shortest form, or in a longer one of so many octets (RFC 9000 section 16). */
export function varint(value: number | bigint, bytes = 0): Buffer {
  const big = BigInt(value);
  const size = bytes === 0 ? ([1, 2, 4, 8].find((n) => big < 1n << BigInt(8 * n - 2)) ?? 8) : bytes;
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64BE(big);
  const cut = octets.subarray(8 - size);
  cut[0] = (cut[0] as number) | (Math.log2(size) << 6);
  return cut;
}

export function frame(type: number | bigint, payload: Uint8Array | string = ""): Buffer {
  const body = Buffer.from(payload as string, "latin1");
  return Buffer.concat([varint(type), varint(body.length), body]);
}

/** A field section of literals with literal names (RFC 9204 section 4.5.6), without references. */
export function section(fields: FieldList): Buffer {
  const lines = fields.flatMap(([name, value]) => [
    nameLength(name.length),
    Buffer.from(name, "latin1"),
    string(value),
  ]);
  return Buffer.concat([Buffer.of(0, 0), ...lines]);
}

/** With a prefix of three bits. */
function nameLength(length: number): Buffer {
  if (length < 7) return Buffer.of(0x20 | length);
  const rest = length - 7;
  return rest < 128 ? Buffer.of(0x27, rest) : Buffer.of(0x27, (rest % 128) | 128, Math.floor(rest / 128));
}

export function headers(fields: FieldList): Buffer {
  return frame(0x1, section(fields));
}

export function data(content: string | Uint8Array): Buffer {
  return frame(0x0, content);
}

export type SettingPair = readonly [id: number | bigint, value: number | bigint];

export function settings(...pairs: readonly SettingPair[]): Buffer {
  return frame(0x4, Buffer.concat(pairs.flatMap(([id, value]) => [varint(id), varint(value)])));
}

export function goAway(id: number | bigint): Buffer {
  return frame(0x7, varint(id));
}

export function priorityUpdate(id: number, value: string): Buffer {
  return frame(0xf0700, Buffer.concat([varint(id), Buffer.from(value)]));
}

/** A unidirectional stream's beginning. */
export function stream(type: number, ...frames: readonly Buffer[]): Buffer {
  return Buffer.concat([varint(type), ...frames]);
}

const NAMES: Readonly<Record<number, string>> = {
  0x0: "DATA",
  0x1: "HEADERS",
  0x3: "CANCEL_PUSH",
  0x4: "SETTINGS",
  0x5: "PUSH_PROMISE",
  0x7: "GOAWAY",
  0xd: "MAX_PUSH_ID",
};

/** Reads what was written on one stream, as lines; keeps what is not whole. */
export class FrameLines {
  readonly #decoder = new QpackDecoder({
    maxFieldSectionBytes: 1e6,
    maxFields: 10_000,
    maxTableBytes: 0,
    maxBlockedStreams: 0,
  });
  #rest: Buffer = Buffer.alloc(0);

  add(bytes: Buffer): string[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const lines: string[] = [];
    for (;;) {
      const type = readVarint(this.#rest, 0);
      const length = readVarint(this.#rest, type.end);
      if (length.end === -1 || this.#rest.length < length.end + length.value) return lines;
      const payload = this.#rest.subarray(length.end, length.end + length.value);
      lines.push(this.#line(type.value, payload));
      this.#rest = this.#rest.subarray(length.end + length.value);
    }
  }

  /** Octets that are no whole frame. */
  get rest(): number {
    return this.#rest.length;
  }

  #line(type: number, payload: Buffer): string {
    const name = NAMES[type] ?? `0x${type.toString(16)}`;
    if (type === 0x0) return `DATA ${payload.toString("latin1")}`;
    if (type === 0x1) return `HEADERS${this.#fields(payload)}`;
    const values: string[] = [];
    for (let pos = 0; pos < payload.length;) {
      const { value, end } = readVarint(payload, pos);
      values.push(String(value));
      pos = end === -1 ? payload.length : end;
    }
    return `${name} ${values.join(" ")}`;
  }

  #fields(payload: Buffer): string {
    const fields: string[] = [];
    const outcome = this.#decoder.decode(0, payload, 0, payload.length, {
      onField({ source, nameStart, nameEnd, valueStart, valueEnd }): void {
        fields.push(` ${source.latin1Slice(nameStart, nameEnd)}=${source.latin1Slice(valueStart, valueEnd)}`);
      },
    });
    return outcome === QpackOutcome.complete ? fields.join("") : ` ${this.#decoder.reason}`;
  }
}

/** `end`: -1 when it is cut. */
export function readVarint(bytes: Buffer, offset: number): { value: number; end: number } {
  if (offset === -1 || offset >= bytes.length) return { value: 0, end: -1 };
  const size = 1 << ((bytes[offset] as number) >> 6);
  if (offset + size > bytes.length) return { value: 0, end: -1 };
  let value = (bytes[offset] as number) & 0x3f;
  for (let i = 1; i < size; i++) value = value * 256 + (bytes[offset + i] as number);
  return { value, end: offset + size };
}
