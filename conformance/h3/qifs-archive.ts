/**
 * Reads the QPACK interop vectors: a tar of field lists (`qifs/NAME.qif`) and of what encoders made of
 * them (`encoded/...`), both in the forms of the "QPACK Offline Interop" page of the QUIC working group.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { FieldList } from "../../test/support/field-lists.ts";

/** Octets of one stream, as they came; stream 0 is the encoder stream, every other has one section. */
export interface QifChunk {
  readonly streamId: number;
  readonly bytes: Buffer;
}

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const SIZE_OFFSET = 124;
const SIZE_BYTES = 12;
const TYPE_OFFSET = 156;
const REGULAR_FILE = 0x30;

/** Regular files by name. */
export function readArchive(file: URL): Map<string, Buffer> {
  const tar = gunzipSync(readFileSync(file));
  const files = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK_BYTES <= tar.length && tar[at] !== 0;) {
    const size = Number.parseInt(textAt(tar, at + SIZE_OFFSET, SIZE_BYTES), 8);
    const content = at + BLOCK_BYTES;
    if (tar[at + TYPE_OFFSET] === REGULAR_FILE)
      files.set(textAt(tar, at, NAME_BYTES).replace(/^\.\//, ""), tar.subarray(content, content + size));
    at = content + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return files;
}

/** Text up to a NUL. */
function textAt(tar: Buffer, start: number, length: number): string {
  return tar.latin1Slice(start, start + length).split("\0")[0] ?? "";
}

/** Lists, in order: lines of name, tab and value; an empty line ends a list; `#` begins a comment. */
export function readQif(text: string): FieldList[] {
  return text
    .split("\n\n")
    .map((list) => list.split("\n").filter((line) => line !== "" && !line.startsWith("#")))
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => line.split("\t") as [string, string]));
}

/** Each chunk has a stream of 8 octets and a length of 4 in front. */
export function readChunks(encoded: Buffer): QifChunk[] {
  const chunks: QifChunk[] = [];
  for (let at = 0; at < encoded.length;) {
    const start = at + 12;
    const end = start + encoded.readUInt32BE(at + 8);
    chunks.push({ streamId: Number(encoded.readBigUInt64BE(at)), bytes: encoded.subarray(start, end) });
    at = end;
  }
  return chunks;
}
