import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BINARY,
  clientFrame,
  CLOSE,
  closePayload,
  frame,
  type FrameSpec,
  MASK,
  PING,
  PONG,
} from "../../../test/support/ws-frames.ts";
import { FrameObserver } from "./frame-observer.ts";

const CONTINUATION = 0;
const MAX = 1000;

/** What may go on of the pieces, as a relay would hand it on. */
function relayed(observer: FrameObserver, pieces: readonly Buffer[]): Buffer {
  const passed: Buffer[] = [];
  for (const piece of pieces) {
    // Nothing outside of the piece may be looked at.
    const bytes = Buffer.concat([Buffer.from([0xff, 0xff]), piece, Buffer.from([0xff, 0xff])]);
    const end = bytes.length - 2;
    if (observer.finished) break;
    let position = 2;
    if (observer.headLength > 0) {
      position = observer.complete(bytes, position, end);
      if (!observer.headWhole) continue;
      passed.push(Buffer.from(observer.head.subarray(0, observer.headLength)));
      observer.headSent();
    }
    const stop = observer.observe(bytes, position, end);
    passed.push(bytes.subarray(position, stop));
  }
  return Buffer.concat(passed);
}

function octets(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
}

interface Case {
  readonly name: string;
  readonly frames: readonly FrameSpec[];
  /** How many of the frames pass; default: all. */
  readonly passing?: number;
  readonly refusal?: FrameObserver["refusal"];
  readonly closed?: boolean;
}

const CASES: readonly Case[] = [
  {
    name: "text and binary of every form of length",
    frames: [
      {},
      { payload: "a".repeat(125) },
      { payload: "b".repeat(126) },
      { opcode: BINARY, payload: "c".repeat(1000) },
    ],
  },
  {
    name: "lengths that are not in their shortest form",
    frames: [
      { payload: "ab", lengthBits: 16 },
      { payload: "cd", lengthBits: 64 },
      { payload: "", lengthBits: 64 },
    ],
  },
  {
    name: "fragments, with control frames between them",
    frames: [
      { fin: false, payload: "a" },
      { opcode: PING, payload: "p" },
      { opcode: CONTINUATION, fin: false },
      { opcode: PONG },
      { opcode: CONTINUATION, payload: "z" },
    ],
  },
  {
    name: "reserved bits and opcodes, which belong to extensions",
    frames: [
      { rsv: 4, payload: "x" },
      { rsv: 7, opcode: 3, payload: "y" },
      { opcode: 0xb, payload: "z" },
    ],
  },
  {
    name: "contents, which belong to the ends",
    frames: [
      { payload: Buffer.from([0xff, 0xfe]) },
      { opcode: CONTINUATION, payload: "no message to continue" },
    ],
  },
  {
    name: "a message of exactly the limit, again and again",
    frames: [
      { payload: "x".repeat(MAX) },
      { payload: "x".repeat(MAX) },
      { fin: false, payload: "x".repeat(MAX - 1) },
      { opcode: CONTINUATION, payload: "x" },
      { payload: "x".repeat(MAX) },
    ],
  },
  {
    name: "a message of one byte more",
    frames: [{ payload: "x" }, { payload: "x".repeat(MAX + 1) }],
    passing: 1,
    refusal: "size",
  },
  {
    name: "a message that grows over the limit by its last fragment",
    frames: [
      { fin: false, payload: "x".repeat(600) },
      { opcode: PING, payload: "p".repeat(125) },
      { opcode: CONTINUATION, payload: "x".repeat(401) },
    ],
    passing: 2,
    refusal: "size",
  },
  {
    name: "a length of 2^53 + 1",
    frames: [{}, { announced: (1n << 53n) + 1n }],
    passing: 1,
    refusal: "size",
  },
  { name: "a length of 2^63 - 1", frames: [{ announced: (1n << 63n) - 1n }], passing: 0, refusal: "size" },
  { name: "a length of 2^63", frames: [{ announced: 1n << 63n }], passing: 0, refusal: "protocol" },
  {
    name: "a length of 2^64 - 1",
    frames: [{ announced: (1n << 64n) - 1n }],
    passing: 0,
    refusal: "protocol",
  },
  {
    name: "a control frame of 126",
    frames: [{}, { opcode: PING, payload: "p".repeat(126) }],
    passing: 1,
    refusal: "protocol",
  },
  {
    name: "a control frame whose long length is short",
    frames: [{ opcode: PING, payload: "p", lengthBits: 16 }],
    passing: 0,
    refusal: "protocol",
  },
  {
    name: "a fragmented control frame",
    frames: [{ opcode: PING, fin: false }],
    passing: 0,
    refusal: "protocol",
  },
  {
    name: "a reserved control frame that is fragmented",
    frames: [{ opcode: 0xf, fin: false }],
    passing: 0,
    refusal: "protocol",
  },
  {
    name: "a Close frame, and nothing behind it",
    frames: [{ payload: "a" }, { opcode: CLOSE, payload: closePayload(1000) }, { payload: "b" }],
    passing: 2,
    closed: true,
  },
  {
    name: "an empty Close frame inside a message",
    frames: [{ fin: false, payload: "a" }, { opcode: CLOSE }, { opcode: CONTINUATION }],
    passing: 2,
    closed: true,
  },
];

for (const { name, frames, passing = frames.length, refusal = null, closed = false } of CASES) {
  for (const fromClient of [true, false]) {
    test(`${name}, from a ${fromClient ? "client" : "server"}`, () => {
      const encoded = frames.map((spec) => (fromClient ? clientFrame(spec) : frame(spec)));
      const bytes = Buffer.concat(encoded);
      const expected = Buffer.concat(encoded.slice(0, passing));
      for (const pieces of [[bytes], octets(bytes), encoded]) {
        const observer = new FrameObserver(fromClient, MAX);
        assert.deepEqual(relayed(observer, pieces), expected);
        assert.equal(observer.refusal, refusal);
        assert.equal(observer.closed, closed);
        if (refusal === null) assert.equal(observer.insideFrame, false);
      }
    });
  }
}

test("wherever the bytes are split, the same passes", () => {
  const anyFrame = fc.record({
    opcode: fc.constantFrom(0, 1, 2, 3, 8, 9, 10, 15),
    fin: fc.boolean(),
    rsv: fc.integer({ min: 0, max: 7 }),
    payload: fc.integer({ min: 0, max: 700 }).map((length) => Buffer.alloc(length, 0x78)),
    lengthBits: fc.constantFrom(7 as const, 16 as const, 64 as const, undefined),
    fromClient: fc.integer({ min: 0, max: 9 }).map((chance) => chance > 0),
  });
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 8 }),
      fc.array(fc.nat(2000), { maxLength: 12 }),
      (specs, cuts) => {
        const bytes = Buffer.concat(
          specs.map(({ fromClient, lengthBits, payload, ...spec }) => {
            const bits = lengthBits === 7 && payload.length > 125 ? undefined : lengthBits;
            const form = bits === undefined ? {} : { lengthBits: bits };
            return frame({ ...spec, ...form, payload, ...(fromClient ? { mask: MASK } : {}) });
          }),
        );
        const whole = new FrameObserver(true, MAX);
        const expected = relayed(whole, [bytes]);
        const ends = [...new Set([...cuts.filter((cut) => cut < bytes.length), bytes.length])].toSorted(
          (a, b) => a - b,
        );
        const pieces = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        const split = new FrameObserver(true, MAX);
        assert.deepEqual(relayed(split, pieces), expected);
        assert.deepEqual(bytes.subarray(0, expected.length), expected, "what passes is what came");
        for (const key of ["refusal", "detail", "closed", "payloadLeft", "begun", "insideFrame"] as const)
          assert.equal(split[key], whole[key], key);
        if (!whole.finished && !whole.insideFrame) assert.equal(expected.length, bytes.length);
      },
    ),
  );
});

test("whatever comes, nothing throws and no more than a header is held back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }),
      fc.boolean(),
      (pieces, masked) => {
        const observer = new FrameObserver(masked, MAX);
        const buffers = pieces.map((piece) => Buffer.from(piece));
        const passed = relayed(observer, buffers);
        const total = Buffer.concat(buffers);
        assert.deepEqual(passed, total.subarray(0, passed.length));
        if (!observer.finished) assert.ok(total.length - passed.length < 14);
      },
    ),
  );
});

test("a frame of the other side's kind is refused", () => {
  const fromServer = new FrameObserver(true, MAX);
  assert.equal(relayed(fromServer, [frame({ payload: "not masked" })]).length, 0);
  assert.equal(fromServer.refusal, "protocol");
  const fromClient = new FrameObserver(false, MAX);
  assert.equal(relayed(fromClient, [clientFrame({ payload: "masked" })]).length, 0);
  assert.equal(fromClient.refusal, "protocol");
});

test("Pings pass as long as their budget lasts, and other frames without one", () => {
  const observer = new FrameObserver(true, MAX);
  observer.pingBudget = 2;
  const ping = clientFrame({ opcode: PING, payload: "p" });
  const others = Buffer.concat([clientFrame({ opcode: PONG }), clientFrame({ payload: "x" })]);
  const passed = relayed(observer, [ping, others, ping, others, ping, others]);
  assert.deepEqual(passed, Buffer.concat([ping, others, ping, others]));
  assert.equal(observer.refusal, "pings");
  const refilled = new FrameObserver(true, MAX);
  refilled.pingBudget = 1;
  assert.deepEqual(relayed(refilled, [ping]), ping);
  refilled.pingBudget = 1;
  assert.deepEqual(relayed(refilled, octets(ping)), ping);
  assert.equal(refilled.refusal, null);
});

test("it knows when a frame is under way, and counts those that have begun", () => {
  const observer = new FrameObserver(false, MAX);
  const bytes = frame({ payload: "x".repeat(200) });
  const steps: [number, boolean, number][] = [
    [1, true, 1],
    [3, true, 1],
    [4, true, 1],
    [203, true, 1],
    [204, false, 1],
  ];
  let sent = 0;
  for (const [upTo, inside, begun] of steps) {
    relayed(observer, [bytes.subarray(sent, upTo)]);
    sent = upTo;
    assert.equal(observer.insideFrame, inside, `after ${upTo} octets`);
    assert.equal(observer.begun, begun);
  }
  relayed(observer, [Buffer.concat([frame(), frame().subarray(0, 1)])]);
  assert.equal(observer.begun, 3);
  assert.equal(observer.insideFrame, true);
  assert.equal(observer.payloadLeft, 0, "only a part of a header, which is held back");
});
