import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { H3Answer } from "../../../test/support/codec-h3-client.ts";
import { headers } from "../../../test/support/h3-dsl.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertCleanH3, MemoryH3Client } from "../../../test/support/memory-h3-client.ts";
import { ok } from "../../../test/support/memory-http.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import { H3Code } from "../../wire/h3/error-code.ts";

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const PART = `2710\r\n${"p".repeat(10_000)}\r\n`;

/** One client, its requests and its backends; `pick` chooses among them. */
class Scene {
  readonly gateway = new MemoryGateway({ http: { bodyTimeoutMs: 3000, headTimeoutMs: 4000 } });
  readonly client = new MemoryH3Client(this.gateway, { net: { streamWindowBytes: 15_000 } });
  /** Requests whose end was not sent. */
  readonly uploads = new Set<H3Answer>();
  readonly answers: H3Answer[] = [];
  /** Backends whose response has begun in parts. */
  readonly begun = new Set<MemoryPeer>();

  open(upload: boolean): void {
    if (!this.client.connection.canOpenStream) return;
    const answer = this.client.request("/", upload ? { method: "POST", body: "begin", end: false } : {});
    this.answers.push(answer);
    if (upload) this.uploads.add(answer);
  }

  request(pick: number): H3Answer | undefined {
    return this.answers[pick % Math.max(1, this.answers.length)];
  }

  upload(pick: number): H3Answer | undefined {
    return [...this.uploads].filter(({ over }) => !over)[pick % Math.max(1, this.uploads.size)];
  }

  backend(pick: number): MemoryPeer | undefined {
    const { dials } = this.gateway.transport;
    const peer = dials[pick % Math.max(1, dials.length)]?.peer;
    return peer?.ending === "open" ? peer : undefined;
  }

  answer(peer: MemoryPeer, text: string): void {
    peer.send(text);
    this.client.turn();
  }
}

const STEPS: readonly ((scene: Scene, pick: number) => void)[] = [
  (scene) => scene.open(false),
  (scene) => scene.open(true),
  (scene, pick) => {
    const answer = scene.upload(pick);
    if (answer !== undefined) scene.client.send(answer, "x".repeat(5000));
  },
  (scene, pick) => {
    const answer = scene.upload(pick);
    if (answer === undefined) return;
    scene.uploads.delete(answer);
    scene.client.end(answer, pick % 2 === 0 ? [] : [["x-sum", "1"]]);
  },
  ({ client, answers }, pick) => {
    const stream = answers[pick % Math.max(1, answers.length)]?.stream;
    if (stream !== undefined) client.link.reset(stream.id, H3Code.requestCancelled);
    client.turn();
  },
  ({ client, answers }, pick) => {
    const stream = answers[pick % Math.max(1, answers.length)]?.stream;
    if (stream !== undefined) client.link.stop(stream.id, H3Code.requestCancelled);
    client.turn();
  },
  (scene, pick) => {
    const answer = scene.request(pick);
    if (answer !== undefined) scene.client.connection.reset(answer.stream, H3Code.requestCancelled);
    scene.client.turn();
  },
  ({ client }, pick) => {
    const half = headers([
      [":method", "GET"],
      [":scheme", "https"],
    ]);
    client.raw(half.subarray(0, 1 + (pick % (half.length - 1))));
  },
  (scene, pick) => {
    const peer = scene.backend(pick);
    if (peer !== undefined && !scene.begun.has(peer)) scene.answer(peer, ok("fine"));
  },
  (scene, pick) => {
    const peer = scene.backend(pick);
    if (peer === undefined) return;
    scene.answer(peer, scene.begun.has(peer) ? PART : CHUNKED + PART);
    scene.begun.add(peer);
  },
  (scene, pick) => {
    const peer = scene.backend(pick);
    if (peer !== undefined && scene.begun.delete(peer)) scene.answer(peer, "0\r\n\r\n");
  },
  (scene, pick) => {
    scene.backend(pick)?.fail("ECONNRESET");
    scene.client.turn();
  },
  ({ client }) => {
    client.reading = !client.reading;
    if (client.reading) client.read();
  },
  ({ client }, pick) => void client.advance(pick % 2000),
  ({ client }, pick) => {
    if (pick % 4 === 0) client.server.announceClose(pick % 1000);
  },
];

test("whatever both sides do, it comes to an end, and nothing is left of it", () => {
  // Requests and their answers are as many as all the rest.
  const ordinary = fc.constantFrom(0, 1, 2, 3, 8, 9, 10);
  const index = fc.oneof(ordinary, fc.nat({ max: STEPS.length - 1 }));
  const step = fc.tuple(index, fc.nat({ max: 10_000 }));
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
      const scene = new Scene();
      for (const [index, pick] of steps) {
        if (scene.client.ending !== "open") break;
        STEPS[index]?.(scene, pick);
      }
      scene.client.read();
      const { gateway, client } = scene;
      client.close();
      client.net.streams.clear();
      const ended = Object.values(gateway.finished).reduce((sum, count) => sum + count, 0);
      assert.ok(ended <= scene.answers.length, `${ended} of ${scene.answers.length} requests have ended`);
      assertCleanH3(gateway, client);
    }),
    { numRuns: 200 },
  );
});
