import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryTransport } from "../../../test/support/memory-transport.ts";
import type { Connection, Transport } from "../../fastpath/transport.ts";
import { Intake, type IntakeOwner } from "./intake.ts";

/** Takes one byte at a time, as long as it has credit. */
class Owner implements IntakeOwner {
  credit = 0;
  taken = "";
  /** Called for each byte, from within the intake's loop. */
  onByte: (byte: string) => void = () => {};

  wantsBytes(none: boolean): boolean {
    return this.credit > 0 && !none;
  }

  takeBytes(bytes: Buffer, start: number): number {
    this.credit--;
    const byte = bytes.toString("latin1", start, start + 1);
    this.taken += byte;
    this.onByte(byte);
    return start + 1;
  }
}

interface Setup {
  readonly owner: Owner;
  readonly intake: Intake;
  readonly connection: { readonly paused: boolean };
  receive(text: string): void;
}

function setUp(): Setup {
  const transport: Transport = new MemoryTransport();
  const owner = new Owner();
  const connection = transport.connect(
    { host: "10.0.0.1", port: 80, tls: null },
    { onConnect() {}, onData() {}, onEnd() {}, onDrain() {}, onClose() {} },
  ) as Connection & { readonly paused: boolean };
  const intake = new Intake(transport, connection, owner);
  const receive = (text: string): void => {
    const bytes = Buffer.from(`..${text}..`);
    intake.receive(bytes, 2, bytes.length - 2);
    bytes.fill(0xee);
  };
  return { owner, intake, connection, receive };
}

test("bytes that are wanted pass, and nothing is held", () => {
  const { owner, intake, connection, receive } = setUp();
  owner.credit = 100;
  receive("hello");
  assert.equal(owner.taken, "hello");
  assert.equal(intake.holding, false);
  assert.equal(connection.paused, false);
});

test("bytes that are not wanted are held as a copy, and the connection is paused until they are gone", () => {
  const { owner, intake, connection, receive } = setUp();
  owner.credit = 2;
  receive("hello");
  assert.equal(owner.taken, "he");
  assert.ok(intake.holding && connection.paused);
  owner.credit = 2;
  intake.proceed();
  assert.equal(owner.taken, "hell");
  assert.ok(intake.holding && connection.paused);
  owner.credit = 2;
  intake.proceed();
  assert.equal(owner.taken, "hello");
  assert.equal(intake.holding, false);
  assert.equal(connection.paused, false);
});

test("a connection whose last held byte was taken stays paused while its owner wants no more", () => {
  const { owner, intake, connection, receive } = setUp();
  owner.credit = 1;
  receive("ab");
  owner.credit = 1;
  intake.proceed();
  assert.equal(owner.taken, "ab");
  assert.ok(connection.paused && !intake.holding);
  owner.credit = 5;
  intake.proceed();
  assert.equal(connection.paused, false);
});

test("an owner that becomes ready within the loop is served by the loop", () => {
  const { owner, intake, receive } = setUp();
  owner.credit = 1;
  owner.onByte = (byte) => {
    if (byte === "c") owner.onByte = () => {};
    owner.credit = byte === "c" ? 0 : 1;
    intake.proceed();
  };
  receive("abcdef");
  assert.equal(owner.taken, "abc");
  owner.credit = 10;
  intake.proceed();
  assert.equal(owner.taken, "abcdef");
});

test("after discard nothing is held and the connection receives, from within the loop as well", () => {
  for (const within of [false, true]) {
    const { owner, intake, connection, receive } = setUp();
    owner.credit = 1;
    if (within) owner.onByte = () => intake.discard();
    receive("abcdef");
    if (!within) intake.discard();
    assert.equal(intake.holding, false);
    assert.equal(connection.paused, false);
  }
});

test("whatever comes when, it is taken once and in order", () => {
  const step = fc.oneof(
    fc.record({ receive: fc.string({ minLength: 1, maxLength: 20, unit: "binary-ascii" }) }),
    fc.record({ credit: fc.integer({ min: 1, max: 15 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const { owner, intake, connection, receive } = setUp();
      let sent = "";
      for (const each of steps) {
        if ("receive" in each) {
          sent += each.receive;
          receive(each.receive);
        } else {
          owner.credit += each.credit;
          intake.proceed();
        }
        assert.equal(intake.holding, owner.taken !== sent);
        if (intake.holding) assert.ok(connection.paused);
      }
      owner.credit = 100_000;
      intake.proceed();
      assert.equal(owner.taken, sent);
      assert.equal(connection.paused, false);
    }),
  );
});
