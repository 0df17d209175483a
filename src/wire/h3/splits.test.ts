import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GET, POST } from "../../../test/support/h2-dsl.ts";
import { requestHead } from "../../../test/support/h2-endpoint.ts";
import * as h3 from "../../../test/support/h3-dsl.ts";
import { H3Endpoint } from "../../../test/support/h3-endpoint.ts";
import { DEFAULT_H3_LIMITS } from "./h3-limits.ts";

type Role = "server" | "client";

/** What a peer sends, by stream, each with its end. */
const MESSAGES: Readonly<Record<Role, readonly (readonly Buffer[])[]>> = {
  server: [
    [h3.headers(GET)],
    [
      h3.headers([...POST, ["content-length", "6"]]),
      h3.data("abc"),
      h3.frame(0x21, "grease"),
      h3.data("def"),
    ],
    [
      h3.frame(0x4040, "x".repeat(70)),
      h3.headers(POST),
      h3.data(""),
      h3.data("a".repeat(200)),
      h3.headers([["x", "y"]]),
    ],
    [h3.headers([...GET, ["x-large", "v".repeat(3000)]])],
    [h3.headers(GET.slice(1)), h3.data("abc")],
  ],
  client: [
    [h3.headers([[":status", "204"]])],
    [
      h3.headers([[":status", "103"]]),
      h3.headers([[":status", "200"]]),
      h3.data("abc"),
      h3.headers([["x", "y"]]),
    ],
    [
      h3.headers([
        [":status", "200"],
        ["content-length", "4"],
      ]),
      h3.data("abc"),
    ],
  ],
};

const CONTROL = Buffer.concat([
  h3.stream(0, h3.settings([6, 70_000], [0x21, 7], [7, 0])),
  h3.frame(0x21, "grease"),
  h3.goAway(2 ** 30),
  h3.goAway(16),
]);

/** Gives each stream's octets in parts of these sizes, over and over; returns what the owner heard, by stream. */
function hear(role: Role, sizes: readonly number[]): Record<string, string[]> {
  const endpoint = new H3Endpoint({ role, limits: { maxFieldSectionBytes: 2000 } });
  const messages = MESSAGES[role];
  if (role === "client")
    messages.forEach(() => endpoint.connection.openStream(requestHead("GET", "/"), true, {}));
  const give = (id: number, bytes: Buffer, fin: boolean): void => {
    let pos = 0;
    for (let i = 0; pos < bytes.length || i === 0; i++) {
      const end = Math.min(bytes.length, pos + (sizes[i % sizes.length] as number));
      const part = Buffer.from(bytes.subarray(pos, end));
      endpoint.receive(id, part, fin && end === bytes.length);
      part.fill(0xee);
      pos = end;
    }
  };
  give(endpoint.control, CONTROL, false);
  messages.forEach((frames, i) => give(4 * i, Buffer.concat(frames), true));
  const heard = endpoint.events();
  return Object.groupBy(heard, (event) => /^\d+ /.exec(event)?.[0] ?? "") as Record<string, string[]>;
}

for (const role of ["server", "client"] as const) {
  test(`a ${role} hears the same however the octets are cut`, () => {
    const whole = hear(role, [100_000]);
    assert.equal(Object.keys(whole).length, MESSAGES[role].length + 1);
    assert.deepEqual(hear(role, [1]), whole);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        assert.deepEqual(hear(role, sizes), whole);
      }),
      { numRuns: 50 },
    );
  });

  test(`a ${role} ends in an orderly way whatever comes`, () => {
    const limits = {
      ...DEFAULT_H3_LIMITS,
      qpackTableBytes: 4096,
      qpackBlockedStreams: 4,
      connectProtocol: true,
    };
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 30 }).map((octets) => Buffer.from(octets)),
      fc.constantFrom(...MESSAGES.server.flat(), ...MESSAGES.client.flat(), CONTROL),
      fc
        .record({ type: fc.integer({ min: 0, max: 14 }), payload: fc.uint8Array({ maxLength: 12 }) })
        .map(({ type, payload }) => h3.frame(type, payload)),
    );
    const step = fc.record({ id: fc.integer({ min: 0, max: 20 }), piece, how: fc.nat({ max: 9 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const endpoint = new H3Endpoint({ role, limits });
        const over = new Set<number>();
        for (const { id, piece: bytes, how } of steps) {
          if (over.has(id)) continue;
          if (role === "client") endpoint.connection.openStream(requestHead("GET", "/"), how > 5, {});
          if (how < 2) over.add(id);
          if (how === 0) endpoint.connection.streamReset(id, how);
          else if (how === 2) endpoint.connection.streamStopped(id, how);
          else endpoint.receive(id, bytes, how === 1);
          // QUIC gives nothing more of a stream that is not wanted.
          for (const line of endpoint.lines())
            if (line.includes(" stop ")) over.add(Number(line.split(" ")[0]));
        }
        endpoint.connection.closed("through");
        assert.equal(endpoint.connection.streamCount, 0);
        assert.equal(endpoint.connection.queuedBytes, 0);
      }),
      { numRuns: 300 },
    );
  });
}
