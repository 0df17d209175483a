/** The messages that the benches of HPACK and QPACK encode, and how they measure. */
import { FieldScratch } from "../../src/wire/field-codec/field-scratch.ts";
import type { FieldSink, FieldView } from "../../src/wire/field-codec/field-view.ts";
import { FIRST_PSEUDO_ID } from "../../src/wire/field-codec/name-id.ts";
import { Fields } from "../../src/wire/http/fields.ts";

const ROUNDS = 12;
const PER_ROUND = 50_000;

/** Some values change from block to block, as they do in life. */
export const PATHS = 16;

export const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** Besides four pseudo-header fields. */
export const REQUEST: Fields = listOf([
  ["User-Agent", AGENT],
  ["Accept", "text/html,application/xhtml+xml,*/*;q=0.8"],
  ["Accept-Language", "en-US,en;q=0.5"],
  ["Accept-Encoding", "gzip, deflate, br"],
  ["Referer", "https://www.example.com/"],
  ["Cookie", "session=0123456789abcdef"],
  ["X-Forwarded-For", "192.0.2.17"],
  ["X-Request-ID", "0123456789abcdef0123456789abcdef"],
]);

/** Besides the status and a Content-Length. */
export const RESPONSE: Fields = listOf([
  ["Date", "Sat, 21 Nov 2026 02:02:02 GMT"],
  ["Content-Type", "text/html; charset=utf-8"],
  ["Cache-Control", "max-age=60"],
  ["ETag", '"5f3a-1b2c"'],
  ["Server", "backend"],
  ["Vary", "Accept-Encoding"],
]);

export const PATH_BYTES: number = "/api/v1/items?page=10&sort=name".length;

/** `PATHS` of them, one behind the other. */
export const paths: FieldScratch = new FieldScratch();
paths.reserve(0, PATHS * PATH_BYTES);
for (let i = 0; i < PATHS; i++)
  paths.bytes.write(`/api/v1/items?page=${10 + i}&sort=name`, i * PATH_BYTES, "latin1");

/** Prints nanoseconds, the best of several rounds, as the machine's slow phases are longer than a round. */
export function measure(name: string, once: (turn: number) => void): void {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let turn = 0; turn < PER_ROUND; turn++) once(turn);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / PER_ROUND);
  }
  process.stdout.write(`${name.padEnd(56)} ${best.toFixed(0).padStart(6)} ns\n`);
}

export function listOf(lines: readonly (readonly [string, string])[]): Fields {
  const fields = new Fields();
  for (const [name, value] of lines) {
    const bytes = Buffer.from(name + value, "latin1");
    fields.addBytes(bytes, 0, name.length, name.length, bytes.length);
  }
  return fields;
}

/** Takes the fields as the codecs do. */
export class Collector implements FieldSink {
  readonly fields = new Fields();

  onField(field: FieldView): void {
    if (field.id < FIRST_PSEUDO_ID) this.fields.addLine(field);
  }
}
