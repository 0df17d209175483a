/** Requests, answers, resets, refusals, GOAWAYs and ends of connections in any order: every request comes to an end, and nothing stays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { H3Scene } from "../../../test/support/h3-scene.ts";
import type { H3Backend, ServedRequest } from "../../../test/support/h3-backend.ts";
import { assertClean, chunkedHead, get } from "../../../test/support/memory-http.ts";
import type { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { Fault } from "../../base/fault.ts";
import { H3Code } from "../../wire/h3/error-code.ts";

type Doing = "answer" | "pour" | "early" | "reset" | "reject" | "goaway" | "close" | "abandon" | "malformed";

interface Asked {
  readonly doing: Doing;
  readonly body: boolean;
  readonly tunnel: boolean;
  readonly aborts: boolean;
}

const asked: fc.Arbitrary<Asked> = fc.record({
  doing: fc.constantFrom<Doing>(
    "answer",
    "answer",
    "answer",
    "pour",
    "early",
    "reset",
    "reject",
    "goaway",
    "close",
    "abandon",
    "malformed",
  ),
  body: fc.boolean(),
  tunnel: fc.constantFrom(false, false, false, true),
  aborts: fc.constantFrom(false, false, false, false, true),
});

function answer(request: ServedRequest, doing: Doing): void {
  const { connection, link } = request.served;
  switch (doing) {
    case "answer":
    case "early":
      return request.answer("answer");
    case "pour":
      request.sendHead(200);
      return request.pour(300_000);
    case "reset":
      return request.reset(H3Code.internalError);
    case "reject":
      return request.reset(H3Code.requestRejected);
    case "goaway":
      connection.goAway(request.stream.id);
      return request.answer("the last one");
    case "close":
      return connection.close(H3Code.noError, "");
    case "abandon":
      return link.close(H3Code.internalError, "gone");
    case "malformed": {
      const written = link.write(request.stream.id, Buffer.from([0, 1, 0x61]), 0, 3, false);
      // What is poured on other streams may leave no room.
      if (written < 3) link.close(H3Code.internalError, "gone");
    }
  }
}

/** Each request says in its path what becomes of it; the first tries of those that end connections only, so that others come through. */
function serve(backend: H3Backend): void {
  const done = new Set<string>();
  const act = (request: ServedRequest): void => {
    const { path } = request.head;
    const doing = (done.has(path) ? "answer" : path.split("/")[1]) as Doing;
    done.add(path);
    answer(request, doing);
  };
  backend.keep = false;
  backend.onRequest = (request) => {
    const early = request.head.upgrade !== "" || request.head.path.startsWith("/early/");
    if (early) act(request);
  };
  backend.onRequestEnd = (request) => {
    if (request.head.upgrade === "" && !request.head.path.startsWith("/early/")) act(request);
  };
}

function send(gateway: MemoryGateway, { doing, body, tunnel, aborts }: Asked, index: number): RecordingSink {
  const path = `/${doing}/${index}`;
  if (tunnel) return sendTo(gateway, get(path), "websocket");
  if (!body) return sendTo(gateway, get(path));
  const sink = sendTo(gateway, chunkedHead(path));
  const go = (): void => {
    if (sink.exchange.upstream === null || sink.exchange.requestEnded) return;
    sink.write(gateway, Buffer.alloc(3000, "b"));
    if (!aborts) sink.end(gateway);
  };
  sink.resumeRequest = go;
  if (sink.resumed > 0) go();
  return sink;
}

function isOver(sink: RecordingSink): boolean {
  return sink.fault !== null || sink.events.includes("end") || sink.events.includes("aborted");
}

test("whatever backends do, every request ends and nothing stays", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(asked, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 20 }),
      async (all, streams) => {
        const scene = await H3Scene.open();
        try {
          const backends = [await scene.backend({ streams }), await scene.backend({ streams })];
          for (const backend of backends) serve(backend);
          const gateway = scene.gateway(backends.map(({ port }) => `h3://127.0.0.1:${port}`));
          const sinks = all.map((each, index) => send(gateway, each, index));
          await new Promise(setImmediate);
          for (const [index, { aborts }] of all.entries()) {
            const sink = sinks[index];
            if (!aborts || sink === undefined || isOver(sink)) continue;
            sink.events.push("aborted");
            sink.abort(gateway, new Fault("client_closed"));
          }
          const left = (): string =>
            sinks
              .filter((sink) => !isOver(sink))
              .map((sink) => sink.exchange.request.path)
              .join(" ");
          await waitFor("every end", () => sinks.every(isOver), { timeoutMs: 8000, context: left });
          for (const sink of sinks) {
            // The other direction of one that is open may still fail.
            if (sink.events.includes("tunnel")) continue;
            const ends = sink.events.filter((event) => event === "end" || event === sink.fault?.code);
            assert.ok(ends.length <= 1, sink.events.join(" "));
          }
          // Our direction of a tunnel is ours to end.
          for (const sink of sinks) if (sink.exchange.upstream !== null) sink.end(gateway);
          assert.equal(gateway.global("h3_upstream_streams"), 0);
          assertClean(gateway);
          assert.equal(gateway.global("h3_upstream_connections"), 0);
        } finally {
          scene.close();
        }
      },
    ),
    { numRuns: 20, endOnFailure: true },
  );
});
