import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import * as h2 from "../../../test/support/h2-dsl.ts";
import { H2Endpoint, responseHead } from "../../../test/support/h2-endpoint.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { DEFAULT_H2_LIMITS } from "./h2-limits.ts";
import { SendBuffer } from "../multiplexed/send-buffer.ts";

const STREAMS = 1000;
const { maxSendBufferBytes } = DEFAULT_H2_LIMITS;

/** What is rounded up for a stream. */
const ROUNDING_BYTES = 16_384;

/** A sink's high-water mark, and what a batch may put on top of it. */
const HIGH_WATER_BYTES = 65_536;
const BATCH_BYTES = 65_536 + 16_393;

describe("a send buffer", () => {
  it("gives what was put in, in order, whatever is taken in between", () => {
    const step = fc.record({ put: fc.nat({ max: 50_000 }), take: fc.nat({ max: 50_000 }) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const buffer = new SendBuffer(100);
        let put = 0;
        let taken = 0;
        for (const step of steps) {
          const part = Buffer.from(Array.from({ length: step.put }, (_, i) => (put + i) % 251));
          buffer.append(part, 0, part.length);
          put += part.length;
          const size = Math.min(step.take, buffer.length);
          for (let i = 0; i < size; i++)
            if (buffer.bytes[buffer.start + i] !== (taken + i) % 251) assert.fail(`octet ${taken + i}`);
          buffer.start += size;
          taken += size;
          assert.equal(buffer.length, put - taken);
        }
      }),
      { numRuns: 50 },
    );
  });
});

/** As many streams as a client may open here, each with a response that is pushed until it is told to pause. */
function stalled(initialWindow: number, partBytes: number): H2Endpoint {
  const server = H2Endpoint.settled({ limits: { maxConcurrentStreams: STREAMS } });
  server.sink.highWaterBytes = HIGH_WATER_BYTES;
  server.receive(h2.settings([0x4, initialWindow]), h2.windowUpdate(0, 2 ** 31 - 1 - 65_535));
  const part = Buffer.alloc(partBytes, "x");
  const { connection } = server;
  for (let i = 0; i < STREAMS; i++) {
    const id = 2 * i + 1;
    server.receive(h2.headers(id, h2.GET, { end: true }));
    connection.sendHead(server.stream(id), responseHead(200, -1), false);
    let parts = 0;
    while (connection.sendData(server.stream(id), part, 0, part.length))
      assert.ok(++parts < 1000, "it must stop");
  }
  return server;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** All memory of buffers that is in use. */
function memoryBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

/** Buffers that nobody uses are freed beside the program: it may take a few turns until that shows. */
async function falls(below: number): Promise<void> {
  await waitFor(`the memory of buffers to be below ${below}`, () => memoryBytes() <= below);
}

function heldBytes(server: H2Endpoint): number {
  let bytes = 0;
  for (let i = 0; i < STREAMS; i++) bytes += server.stream(2 * i + 1).buffer?.bytes.length ?? 0;
  return bytes;
}

describe("1,000 streams of a client that does not read", () => {
  const cases = [
    { why: "its windows are shut", initialWindow: 0 },
    { why: "its socket takes nothing", initialWindow: 2 ** 31 - 1 },
  ];
  for (const { why, initialWindow } of cases) {
    for (const partBytes of [1000, 16_384, 65_536]) {
      it(`hold what was computed, in parts of ${partBytes}: ${why}`, async () => {
        const before = memoryBytes();
        const server = stalled(initialWindow, partBytes);
        const most = STREAMS * (Math.max(maxSendBufferBytes, partBytes) + ROUNDING_BYTES);
        assert.ok(
          server.connection.queuedBytes > (STREAMS * maxSendBufferBytes) / 2,
          "they do hold something",
        );
        assert.ok(server.connection.queuedBytes <= STREAMS * Math.max(maxSendBufferBytes, partBytes));
        assert.ok(heldBytes(server) <= most, `${heldBytes(server)} octets`);
        const heads = STREAMS * 32;
        assert.ok(server.sink.queuedBytes() <= HIGH_WATER_BYTES + BATCH_BYTES + heads);
        // All memory outside of the heap, arenas and tables of the test included.
        await falls(before + most + 8 * 1024 * 1024);
        server.connection.close("done");
        assert.equal(heldBytes(server), 0);
      });
    }
  }
});
