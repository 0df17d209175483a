import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type RelayScene, relayScene } from "../../../test/support/memory-quic-relay.ts";
import type { RawPeer } from "../../../test/support/raw-quic-peer.ts";

type Side = "client" | "backend";

/** One direction of a stream, as its sender and its receiver have wanted it. */
interface Wanted {
  readonly id: number;
  readonly sender: Side;
  said: string;
  fin: boolean;
  resetCode: number;
  stopCode: number;
}

type Step =
  | { readonly kind: "open"; readonly side: Side; readonly oneWay: boolean }
  | {
      readonly kind: "say" | "end" | "reset" | "stop" | "pause" | "resume";
      readonly at: number;
      readonly number: number;
    }
  | { readonly kind: "pauseAll" | "resumeAll"; readonly side: Side }
  | { readonly kind: "turn"; readonly link: number };

const side = fc.constantFrom<Side>("client", "backend");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("open" as const), side, oneWay: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "say" as const,
        "say" as const,
        "end" as const,
        "reset" as const,
        "stop" as const,
        "pause" as const,
        "resume" as const,
      ),
      at: fc.nat(60),
      number: fc.nat(300),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("pauseAll" as const, "resumeAll" as const), side }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("turn" as const), link: fc.nat(3) }) },
);

class Model {
  readonly scene: RelayScene;
  readonly directions: Wanted[] = [];

  constructor(scene: RelayScene) {
    this.scene = scene;
  }

  peer(of: Side): RawPeer {
    return of === "client" ? this.scene.client : this.scene.backend();
  }

  receiver({ sender }: Wanted): RawPeer {
    return this.peer(sender === "client" ? "backend" : "client");
  }

  run(step: Step): void {
    switch (step.kind) {
      case "open":
        return this.#open(step.side, step.oneWay);
      case "pauseAll":
        return this.peer(step.side).link.pauseAll();
      case "resumeAll":
        return this.peer(step.side).link.resumeAll();
      case "turn":
        this.scene.links[step.link]?.turn();
        return;
      case "say":
      case "end":
      case "reset":
      case "stop":
      case "pause":
      case "resume": {
        const wanted = this.directions[step.at % Math.max(1, this.directions.length)];
        if (wanted !== undefined) this.#act(step.kind, wanted, step.number);
      }
    }
  }

  #open(from: Side, oneWay: boolean): void {
    const { link } = this.peer(from);
    const id = oneWay ? link.openUnidirectional() : link.openBidirectional();
    if (id < 0) return;
    this.#add(id, from);
    if (!oneWay) this.#add(id, from === "client" ? "backend" : "client");
  }

  #add(id: number, sender: Side): void {
    this.directions.push({ id, sender, said: "", fin: false, resetCode: -1, stopCode: -1 });
  }

  #act(kind: "say" | "end" | "reset" | "stop" | "pause" | "resume", wanted: Wanted, number: number): void {
    const { id } = wanted;
    const sender = this.peer(wanted.sender);
    const receiver = this.receiver(wanted);
    // Before the relay has opened it there, the peer cannot know of it.
    const isOpen = (peer: RawPeer): boolean => this.#netOf(peer).streams.has(id);
    const ended = wanted.fin || wanted.resetCode >= 0 || sender.stream(id).stopCode >= 0 || !isOpen(sender);
    if ((kind === "say" || kind === "end") && !ended) {
      const text = "abcdefgh".repeat(number).slice(0, number);
      wanted.said += text;
      wanted.fin = kind === "end";
      sender.say(id, text, wanted.fin);
    } else if (kind === "reset" && !ended) {
      wanted.resetCode = number;
      sender.link.reset(id, number);
    } else if (kind === "stop" && wanted.stopCode < 0 && !this.#received(wanted) && isOpen(receiver)) {
      wanted.stopCode = number;
      receiver.link.stop(id, number);
    } else if (kind === "pause") {
      receiver.link.pause(id);
    } else if (kind === "resume") {
      receiver.link.resume(id);
    }
  }

  #netOf(peer: RawPeer): RelayScene["front"] {
    return peer === this.scene.client ? this.scene.front : this.scene.back;
  }

  #received(wanted: Wanted): boolean {
    const stream = this.receiver(wanted).stream(wanted.id);
    return stream.ended || stream.resetCode >= 0;
  }

  /** Everybody reads all that there is. */
  rest(): void {
    this.scene.client.link.resumeAll();
    this.scene.backend().link.resumeAll();
    for (const wanted of this.directions) this.receiver(wanted).link.resume(wanted.id);
    this.scene.settle();
  }

  /** Ends what is open, so that everything that waits has its turn. */
  end(): void {
    for (let i = 0; i < this.directions.length; i++) {
      for (const wanted of this.directions) this.#act("end", wanted, 1);
      this.rest();
    }
  }

  check(wanted: Wanted): void {
    const { id, said, fin, resetCode, stopCode } = wanted;
    const heard = this.receiver(wanted).stream(id);
    const answer = this.peer(wanted.sender).stream(id);
    const what = JSON.stringify({ ...wanted, said: said.length, heard: heard.octets.length });
    assert.ok(said.startsWith(heard.text), what);
    assert.ok(heard.resetCode === resetCode || heard.resetCode === -1 || heard.resetCode === stopCode, what);
    if (stopCode >= 0) {
      assert.ok(fin || resetCode >= 0 || answer.stopCode === stopCode, what);
      return;
    }
    assert.equal(answer.stopCode, -1, what);
    assert.equal(heard.resetCode, resetCode, what);
    if (resetCode >= 0) return;
    assert.equal(heard.text, said, what);
    assert.equal(heard.ended, fin, what);
  }
}

test("whatever is opened, said, ended, reset, stopped and paused, in any order, arrives so at the other side", () => {
  const bound = fc.constantFrom(1, 3, 100);
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120, size: "max" }),
      bound,
      bound,
      (steps, clientStreams, backendStreams) => {
        const scene = relayScene({
          client: { streamWindowBytes: 200, maxStreams: clientStreams },
          backend: { streamWindowBytes: 150, maxStreams: backendStreams },
        });
        const model = new Model(scene);
        for (const next of steps) model.run(next);
        model.rest();
        model.end();
        for (const wanted of model.directions) model.check(wanted);
        assert.equal(scene.relay.heldBytes("client") + scene.relay.heldBytes("backend"), 0);
        assert.equal(scene.tally.get("quic_modeb_streams_active"), 0);
        scene.client.link.close(1, "");
        scene.assertOver();
      },
    ),
    { numRuns: 300 },
  );
});

test("a close at any moment ends both, and leaves nothing behind", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), side, fc.nat(1000), (steps, closer, code) => {
      const scene = relayScene({
        client: { streamWindowBytes: 100 },
        backend: { streamWindowBytes: 100, maxStreams: 2 },
      });
      const model = new Model(scene);
      for (const next of steps) model.run(next);
      model.peer(closer).link.close(code, "over");
      scene.settle();
      const other = model.peer(closer === "client" ? "backend" : "client");
      assert.deepEqual(other.closed, { by: "peer", application: true, code, reason: "over" });
      assert.equal(scene.relay.heldBytes("client") + scene.relay.heldBytes("backend"), 0);
      scene.assertOver();
    }),
    { numRuns: 100 },
  );
});
