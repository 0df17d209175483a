/**
 * Runs the HPACK stories: each is the header blocks of one connection, as one of several encoders wrote
 * them. Our decoder must find the fields that the story names. Our encoder then encodes the same lists,
 * and nghttp2, as the runtime has it, must find them too (`nghttp2-reader.ts`).
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { HpackDecoder, HpackOutcome } from "../../src/wire/hpack/decoder.ts";
import { type FieldList, ListSink } from "../../test/support/field-lists.ts";
import { ROOMY_LIMITS } from "../../test/support/hpack-lists.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { nghttp2Reads } from "./nghttp2-reader.ts";

interface Story {
  readonly name: string;
  readonly blocks: readonly Block[];
}

interface Block {
  /** What the decoder announces before this block; undefined: nothing new. */
  readonly tableBytes: number | undefined;
  readonly bytes: Buffer;
  readonly fields: FieldList;
}

interface RawStory {
  readonly encoder: string;
  readonly story: number;
  readonly cases: readonly (readonly [tableBytes: number | null, hex: string, fields: FieldList])[];
}

/** Results in the order of the file. */
export async function runHpackStories(file: URL): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const story of loadStories(file)) {
    results.push({ id: `decode/${story.name}`, problem: decodeProblem(story) });
    results.push({ id: `encode/${story.name}`, problem: await encodeProblem(story) });
  }
  return results;
}

function loadStories(file: URL): Story[] {
  const text = gunzipSync(readFileSync(file)).toString("utf8");
  const parsed = JSON.parse(text) as { readonly stories: readonly RawStory[] };
  return parsed.stories.map(({ encoder, story, cases }) => ({
    name: `${encoder}/${story}`,
    blocks: cases.map(([tableBytes, hex, fields]) => ({
      tableBytes: tableBytes ?? undefined,
      bytes: Buffer.from(hex, "hex"),
      fields,
    })),
  }));
}

function decodeProblem(story: Story): string | undefined {
  const decoder = new HpackDecoder(ROOMY_LIMITS);
  for (const [index, { tableBytes, bytes, fields }] of story.blocks.entries()) {
    if (tableBytes !== undefined) decoder.setTableLimit(tableBytes);
    const sink = new ListSink();
    const outcome = decoder.decode(bytes, 0, bytes.length, sink);
    if (outcome !== HpackOutcome.complete) return `block ${index}: outcome ${outcome}, ${decoder.reason}`;
    const problem = differs(fields, sink.list);
    if (problem !== undefined) return `block ${index}: ${problem}`;
  }
  return undefined;
}

async function encodeProblem(story: Story): Promise<string | undefined> {
  const lists = story.blocks.map(({ fields }) => fields);
  const reads = await nghttp2Reads(lists);
  for (const [index, { sent, seen }] of reads.entries()) {
    const problem = differs(sent, seen);
    if (problem !== undefined) return `list ${index}: ${problem}`;
  }
  return reads.length === lists.length
    ? undefined
    : `only ${reads.length} of ${lists.length} lists were read`;
}

function differs(expected: FieldList, seen: FieldList): string | undefined {
  const [one, other] = [JSON.stringify(expected), JSON.stringify(seen)];
  return one === other ? undefined : `expected ${one}, got ${other}`;
}
