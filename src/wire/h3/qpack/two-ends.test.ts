import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type FieldList, ListSink } from "../../../../test/support/field-lists.ts";
import { drain, encodeSection } from "../../../../test/support/qpack-lists.ts";
import { QpackDecoder } from "./decoder.ts";
import { QpackEncoder } from "./encoder.ts";
import { QpackOutcome } from "./qpack-code.ts";

interface Ends {
  /** What our encoder may use, what the peer's decoder offers, and how many streams may block there. */
  readonly tableBytes: number;
  readonly maxTableBytes: number;
  readonly maxBlockedStreams: number;
}

interface Section {
  readonly streamId: number;
  readonly bytes: Buffer;
  readonly list: FieldList;
}

/** An encoder and a decoder, and between them streams that keep their own order and no other. */
class Link {
  readonly encoder: QpackEncoder;
  readonly decoder: QpackDecoder;
  /** Sections on their way, and those that arrived and are blocked. */
  readonly #sections: Section[] = [];
  readonly #blocked = new Map<number, Section>();
  #encoderStream: Buffer = Buffer.alloc(0);
  #decoderStream: Buffer = Buffer.alloc(0);
  #nextStream = 0;
  references = 0;
  blocked = 0;

  constructor({ tableBytes, maxTableBytes, maxBlockedStreams }: Ends) {
    this.encoder = new QpackEncoder(tableBytes);
    this.decoder = new QpackDecoder({
      maxFieldSectionBytes: 65_536,
      maxFields: 256,
      maxTableBytes,
      maxBlockedStreams,
    });
    this.encoder.setPeerSettings(maxTableBytes, maxBlockedStreams);
  }

  /** On a stream of its own, or behind the last one on its stream. */
  send(list: FieldList, trailers: boolean): void {
    if (!trailers) this.#nextStream += 4;
    const streamId = this.#nextStream;
    const bytes = Buffer.from(encodeSection(this.encoder, list, streamId));
    if (bytes[0] !== 0) this.references++;
    this.#sections.push({ streamId, bytes, list });
  }

  /** The first section on the way of some stream arrives. */
  deliver(choice: number): void {
    const waiting = this.#sections.filter(({ streamId }) => !this.#blocked.has(streamId));
    const chosen = waiting[choice % waiting.length];
    if (chosen === undefined) return;
    const first = waiting.find(({ streamId }) => streamId === chosen.streamId) as Section;
    this.#sections.splice(this.#sections.indexOf(first), 1);
    this.#decode(first);
  }

  /** QUIC takes some octets, and some of those that it took arrive. */
  moveEncoderStream(taken: number, arrived: number): void {
    this.#encoderStream = Buffer.concat([this.#encoderStream, drain(this.encoder.instructions, taken)]);
    const piece = this.#encoderStream.subarray(0, arrived);
    this.#encoderStream = this.#encoderStream.subarray(piece.length);
    assert.ok(this.decoder.receiveEncoderStream(piece, 0, piece.length), this.decoder.reason);
    for (let id = this.decoder.nextUnblocked(); id !== -1; id = this.decoder.nextUnblocked()) {
      const section = this.#blocked.get(id);
      assert.ok(section !== undefined);
      this.#blocked.delete(id);
      assert.equal(this.#decode(section), QpackOutcome.complete, "it was named as unblocked");
    }
  }

  moveDecoderStream(taken: number, arrived: number): void {
    this.#decoderStream = Buffer.concat([this.#decoderStream, drain(this.decoder.feedback, taken)]);
    const piece = this.#decoderStream.subarray(0, arrived);
    this.#decoderStream = this.#decoderStream.subarray(piece.length);
    assert.ok(this.encoder.receiveDecoderStream(piece, 0, piece.length), this.encoder.reason);
  }

  /** A stream is reset while sections of it are on the way or blocked. */
  cancel(choice: number): void {
    const all = [...this.#sections, ...this.#blocked.values()];
    const id = all[choice % all.length]?.streamId;
    if (id === undefined) return;
    this.#blocked.delete(id);
    for (const section of all)
      if (section.streamId === id && this.#sections.includes(section))
        this.#sections.splice(this.#sections.indexOf(section), 1);
    this.decoder.cancel(id);
    if (id === this.#nextStream) this.#nextStream += 4;
  }

  /** Everything arrives. */
  finish(): void {
    for (let turn = 0; turn < 3; turn++) {
      this.moveEncoderStream(Infinity, Infinity);
      while (this.#sections.length > 0) this.deliver(0);
      this.moveDecoderStream(Infinity, Infinity);
    }
    assert.equal(this.#blocked.size, 0);
  }

  #decode(section: Section): QpackOutcome {
    const { streamId, bytes, list } = section;
    const sink = new ListSink();
    const outcome = this.decoder.decode(streamId, bytes, 0, bytes.length, sink);
    if (outcome === QpackOutcome.blocked) {
      this.#blocked.set(streamId, section);
      this.blocked++;
    } else assert.equal(outcome, QpackOutcome.complete, this.decoder.reason);
    if (outcome === QpackOutcome.complete) assert.deepEqual(sink.list, list);
    return outcome;
  }
}

/** Few enough that they repeat, and more than the small tables hold. */
const FIELDS: FieldList = [
  [":path", "/"],
  [":path", "/a"],
  [":authority", "a.example"],
  [":authority", "b.example"],
  ["server", "backend"],
  ["server", ""],
  ["content-type", "text/css"],
  ["content-type", "text/x-any"],
  ["vary", "cookie"],
  ["x-a", "a"],
  ["x-b", "a-value-of-some-length-that-repeats"],
  ["cookie", "short"],
  ["cookie", "a-value-that-nobody-guesses"],
  ["authorization", "Bearer secret"],
  ["cache-control", "x".repeat(60)],
];

const field = fc.constantFrom(...FIELDS);
const list = fc
  .array(field, { maxLength: 8 })
  .map((fields) =>
    fields.toSorted(([one], [other]) => Number(other.startsWith(":")) - Number(one.startsWith(":"))),
  );
/** QUIC takes most of what there is, and little of it arrives at once. */
const taken = fc.oneof(
  { weight: 1, arbitrary: fc.nat({ max: 12 }) },
  { weight: 3, arbitrary: fc.constant(Infinity) },
);
const arrived = fc.oneof(fc.nat({ max: 30 }), fc.constant(0), fc.constant(Infinity));

type Step = (link: Link) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(list, fc.boolean()).map(
      ([fields, trailers]): Step =>
        (link) =>
          link.send(fields, trailers),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.nat().map(
      (choice): Step =>
        (link) =>
          link.deliver(choice),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(taken, arrived).map(
      ([taken, arrived]): Step =>
        (link) =>
          link.moveEncoderStream(taken, arrived),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(taken, arrived).map(
      ([taken, arrived]): Step =>
        (link) =>
          link.moveDecoderStream(taken, arrived),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat().map(
      (choice): Step =>
        (link) =>
          link.cancel(choice),
    ),
  },
);

const ends = fc.record({
  tableBytes: fc.constantFrom(0, 64, 200, 600, 4096),
  maxTableBytes: fc.constantFrom(0, 100, 300, 4096, 65_536, 2 ** 30),
  maxBlockedStreams: fc.constantFrom(0, 1, 3, 100),
});

describe("two ends", () => {
  it("agree, whatever is late, cut, reordered or cancelled", () => {
    let references = 0;
    let blocked = 0;
    fc.assert(
      fc.property(ends, fc.array(step, { maxLength: 120, size: "max" }), (limits, steps) => {
        const link = new Link(limits);
        for (const take of steps) take(link);
        link.finish();
        references += link.references;
        blocked += link.blocked;
      }),
      { numRuns: 1000 },
    );
    assert.ok(references > 200, `the dynamic table was in use: ${references}`);
    assert.ok(blocked > 5, `streams were blocked: ${blocked}`);
  });

  it("agree over many evictions", () => {
    const link = new Link({ tableBytes: 600, maxTableBytes: 600, maxBlockedStreams: 2 });
    for (let i = 0; i < 3000; i++) {
      const value = `value-${Math.floor(i / 7) % 90}`;
      link.send(
        [
          ["server", value],
          ["content-type", "text/x"],
        ],
        false,
      );
      if (i % 3 === 0) link.moveEncoderStream(Infinity, i % 5 === 0 ? 3 : Infinity);
      if (i % 2 === 0) link.deliver(i);
      if (i % 4 === 0) link.moveDecoderStream(Infinity, Infinity);
      if (i % 50 === 0) link.finish();
    }
    link.finish();
    assert.ok(link.references > 1000);
  });
});
