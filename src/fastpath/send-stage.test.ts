import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_RESERVE_BYTES } from "../base/limits.ts";
import { SendStage, type StageTarget } from "./send-stage.ts";

/** Takes writes at once, or keeps the very bytes until `settle`, as a pending write of a socket does. */
class Target implements StageTarget {
  readonly writes: string[] = [];
  slow = false;
  #pending: Buffer[] = [];

  writeOut(bytes: Buffer): boolean {
    if (this.slow || this.#pending.length > 0) {
      this.#pending.push(bytes);
      return false;
    }
    this.writes.push(bytes.toString("latin1"));
    return true;
  }

  settle(): void {
    for (const bytes of this.#pending) this.writes.push(bytes.toString("latin1"));
    this.#pending = [];
  }

  get text(): string {
    this.settle();
    return this.writes.join("");
  }
}

function say(stage: SendStage, target: Target, text: string): void {
  const offset = stage.reserve(text.length);
  stage.send(target, offset, offset + stage.out.latin1Write(text, offset));
}

test("consecutive sends to one target are one write", () => {
  const stage = new SendStage();
  const target = new Target();
  say(stage, target, "a");
  say(stage, target, "b");
  assert.deepEqual(target.writes, []);
  assert.equal(stage.stagedBytes(target), 2);
  stage.flush();
  assert.deepEqual(target.writes, ["ab"]);
  assert.equal(stage.stagedBytes(target), 0);
  stage.flush();
  assert.deepEqual(target.writes, ["ab"]);
});

test("a send to another target writes out the first one's bytes and keeps its own", () => {
  const stage = new SendStage();
  const [first, second] = [new Target(), new Target()];
  for (const slow of [false, true]) {
    first.slow = slow;
    say(stage, first, "one");
    say(stage, second, "two");
    say(stage, first, "three");
    stage.flush();
    first.slow = false;
  }
  assert.equal(first.text, "onethreeonethree");
  assert.equal(second.text, "twotwo");
});

test("what is forgotten is not written, and takes nothing of others along", () => {
  const stage = new SendStage();
  const [gone, stays] = [new Target(), new Target()];
  say(stage, stays, "kept");
  say(stage, gone, "dropped");
  stage.forget(gone);
  say(stage, stays, "too");
  stage.forget(gone);
  stage.flush();
  assert.equal(gone.text, "");
  assert.equal(stays.text, "kepttoo");
});

test("a reservation over the limit is our own mistake", () => {
  const stage = new SendStage();
  assert.throws(() => stage.reserve(MAX_RESERVE_BYTES + 1), /limit/);
  assert.ok(stage.reserve(MAX_RESERVE_BYTES) + MAX_RESERVE_BYTES <= stage.out.length);
});

test("whatever is reserved, sent, flushed and held up, every target gets its bytes once and in order", () => {
  const step = fc.record({
    kind: fc.constantFrom("send", "send", "send", "reserve", "flush", "slow", "fast", "settle"),
    target: fc.nat({ max: 2 }),
    size: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 60_000 }), fc.constant(200_000)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const stage = new SendStage();
      const targets = [new Target(), new Target(), new Target()];
      const sent = ["", "", ""];
      steps.forEach(({ kind, target: index, size }, number) => {
        const target = targets[index] as Target;
        if (kind === "send") {
          const text = String.fromCharCode(33 + (number % 90)).repeat(size);
          say(stage, target, text);
          sent[index] += text;
        } else if (kind === "reserve") stage.reserve(size);
        else if (kind === "flush") stage.flush();
        else if (kind === "settle") target.settle();
        else target.slow = kind === "slow";
      });
      stage.flush();
      assert.deepEqual(
        targets.map((target) => target.text === sent[targets.indexOf(target)]),
        [true, true, true],
      );
    }),
    { numRuns: 200 },
  );
});

test("a target that takes nothing keeps one arena of the usual size, whatever was reserved before", () => {
  const stage = new SendStage();
  const usual = stage.out.length;
  stage.reserve(MAX_RESERVE_BYTES);
  assert.ok(stage.out.length > usual);
  const target = new Target();
  target.slow = true;
  say(stage, target, "x");
  stage.flush();
  assert.equal(stage.out.length, usual);
  assert.equal(target.text, "x");
});

test("an arena that was taken is used again: a busy stage does not grow", () => {
  const stage = new SendStage();
  const target = new Target();
  const arena = stage.out;
  for (let i = 0; i < 1000; i++) {
    say(stage, target, "x".repeat(1000));
    stage.flush();
  }
  assert.equal(stage.out, arena);
});
