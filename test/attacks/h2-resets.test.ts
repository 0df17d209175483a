/**
 * HTTP/2: work that is begun and thrown away. Rapid Reset and its variants, from the client
 * (CVE-2023-44487), by mistakes that make us reset (CVE-2019-9514, CVE-2025-8671), and streams beyond the
 * limits of RFC 9113 sections 5.1.1 and 5.1.2.
 */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { before, describe, it } from "node:test";
import { H2Code } from "../../src/wire/h2/error-code.ts";
import { FrameType } from "../../src/wire/h2/frame/frame-type.ts";
import { MAX_STREAM_ID } from "../../src/wire/h2/h2-limits.ts";
import { AttackScene, ended } from "../support/attack-scene.ts";
import { GIVEN_UP } from "../support/h2-wire-peer.ts";
import { data, GET, headers, POST, rstStream, windowUpdate } from "../support/h2-dsl.ts";
import { hello, type Script } from "../support/recording-backend.ts";
import { suiteScope } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

/** Pairs of HEADERS and RST_STREAM that an attacker would send if it were let: more than the buffers on the way hold. */
const PAIRS = 10_000_000;
const BATCH = 100;
const MAX_STREAMS = 256;
/** `max_pending_accept_reset_streams`, and what a connection may cost beyond it. */
const MAX_RESETS = 100;

/** Requests that were asked of the backend by attackers, and the connections on which it still works on them. */
let asked = 0;
const working = new Set<Socket>();

/** Requests of attackers stay unanswered, so that each reset finds work under way. */
const hangForAttackers: Script = (request, answer) => {
  if (request.target !== "/hang") {
    hello(request, answer);
    return;
  }
  asked++;
  working.add(answer.socket);
  answer.socket.once("close", () => working.delete(answer.socket));
};

const TRIPPED = { security_rapid_reset_tripped_total: 1, h2_goaway_sent_total: 1 };
const calm = ended("ENHANCE_YOUR_CALM: too many: resets");

const HANG_GET = [...GET.slice(0, 3), [":path", "/hang"]] as const;
const HANG_POST = [...POST.slice(0, 3), [":path", "/hang"]] as const;

const scope = suiteScope();
let scene: AttackScene;
before(async () => {
  scene = await AttackScene.start(scope, {
    backend: { script: hangForAttackers, atHead: true },
    listener: { h2_security: { max_concurrent_streams: MAX_STREAMS } },
  });
});

/** Identifiers of one batch of streams, odd and rising. */
function ids(batch: number, count = BATCH): number[] {
  return Array.from({ length: count }, (_, i) => 1 + 2 * (batch * count + i));
}

const VARIANTS: Readonly<Record<string, (batch: number) => Buffer>> = {
  "one by one": (batch) =>
    Buffer.concat(
      ids(batch).flatMap((id) => [headers(id, HANG_GET, { end: true }), rstStream(id, H2Code.cancel)]),
    ),
  "in batches": (batch) =>
    Buffer.concat([
      ...ids(batch).map((id) => headers(id, HANG_GET, { end: true })),
      ...ids(batch).map((id) => rstStream(id, H2Code.cancel)),
    ]),
  "of requests that have not ended": (batch) =>
    Buffer.concat(ids(batch).flatMap((id) => [headers(id, HANG_POST), rstStream(id, H2Code.cancel)])),
  "after the first DATA": (batch) =>
    Buffer.concat(
      ids(batch).flatMap((id) => [headers(id, HANG_POST), data(id, "x"), rstStream(id, H2Code.noError)]),
    ),
  "made by a WINDOW_UPDATE of 0": (batch) =>
    Buffer.concat(ids(batch).flatMap((id) => [headers(id, HANG_GET, { end: true }), windowUpdate(id, 0)])),
  "made by a window that is too large": (batch) =>
    Buffer.concat(
      ids(batch).flatMap((id) => [headers(id, HANG_GET, { end: true }), windowUpdate(id, 0x7fff_ffff)]),
    ),
  "made by DATA behind the end": (batch) =>
    Buffer.concat(ids(batch).flatMap((id) => [headers(id, HANG_GET, { end: true }), data(id, "x")])),
  "made by bodies that are longer than they say": (batch) =>
    Buffer.concat(
      ids(batch).flatMap((id) => [headers(id, [...HANG_POST, ["content-length", "1"]]), data(id, "xx")]),
    ),
  "made by malformed heads": (batch) =>
    Buffer.concat(ids(batch).map((id) => headers(id, [...HANG_GET, ["Upper", "x"]], { end: true }))),
};

describe("streams that are reset", { timeout: 120_000 }, () => {
  for (const [variant, make] of Object.entries(VARIANTS)) {
    for (const tls of [true, false]) {
      it(`${variant}${tls ? ", over TLS" : ""}: end the connection soon, and the backend is let go`, async () => {
        asked = 0;
        await scene.withstands(
          async (attack) => {
            const attacker = await scene.attacker(attack, { tls });
            const sent = await attacker.flood(make, PAIRS / BATCH);
            assert.ok(sent < PAIRS / BATCH, "all of it was taken");
            assert.match(await attacker.end(), GIVEN_UP);
            await waitFor("the backend to be let go", () => working.size === 0);
          },
          { counters: TRIPPED, log: calm },
        );
        assert.ok(asked <= 2 * MAX_RESETS, `${asked} requests got through`);
      });
    }
  }

  it("by a client that does not read what it is told are bounded, too", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: false });
        attacker.pause();
        await attacker.flood(VARIANTS["made by malformed heads"] as (batch: number) => Buffer, PAIRS / BATCH);
        attacker.resume();
        assert.match(await attacker.end(), GIVEN_UP);
      },
      { counters: TRIPPED, log: calm },
    );
  });

  it("on 50 connections at once cost the backend no more than their budgets", async () => {
    asked = 0;
    await scene.withstands(
      async (attack) => {
        const attackers = await Promise.all(
          Array.from({ length: 50 }, () => scene.attacker(attack, { tls: false })),
        );
        const make = VARIANTS["one by one"] as (batch: number) => Buffer;
        await Promise.all(attackers.map((attacker) => attacker.flood(make, 50)));
        for (const attacker of attackers) assert.match(await attacker.end(), GIVEN_UP);
      },
      { counters: { security_rapid_reset_tripped_total: 50 }, log: calm },
    );
    assert.ok(asked <= 50 * 2 * MAX_RESETS);
  });

  it("now and then are no attack", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.attacker(attack, { tls: true });
      for (let i = 0; i < MAX_RESETS / 2; i++) {
        const id = attacker.request(HANG_GET);
        attacker.send(rstStream(id, H2Code.cancel));
        assert.equal(await attacker.ask(GET), "200");
      }
    });
  });
});

describe("streams beyond a limit", { timeout: 120_000 }, () => {
  it("are refused before our SETTINGS are acknowledged, and after", async () => {
    for (const polite of [false, true]) {
      await scene.withstands(async (attack) => {
        const attacker = await scene.attacker(attack, { tls: false, polite });
        assert.equal(attacker.settings.get(3), MAX_STREAMS);
        asked = 0;
        for (let i = 0; i < MAX_STREAMS; i++) attacker.request(HANG_GET);
        const extra = Array.from({ length: 50 }, () => attacker.request(HANG_GET));
        for (const id of extra) assert.equal(await attacker.outcome(id), "RST REFUSED_STREAM");
        assert.ok(asked <= MAX_STREAMS);
      });
    }
  });

  it("in a flood end the connection", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true });
        const make = (batch: number): Buffer =>
          Buffer.concat(ids(batch).map((id) => headers(id, HANG_GET, { end: true })));
        assert.ok((await attacker.flood(make, PAIRS / BATCH)) < PAIRS / BATCH);
        assert.match(await attacker.end(), GIVEN_UP);
      },
      { counters: TRIPPED, log: calm },
    );
  });

  it("of identifiers: the last one is served, nothing comes behind it, and a new connection works", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.attacker(attack, { tls: true });
      attacker.nextId = MAX_STREAM_ID;
      assert.equal(await attacker.ask(GET), "200");
      attacker.send(headers(1, GET, { end: true }));
      assert.match(await attacker.end(), /^GOAWAY (STREAM_CLOSED|PROTOCOL_ERROR)$/);
      const next = await scene.attacker(attack, { tls: true });
      assert.equal(await next.ask(GET), "200");
    });
  });

  it("of identifiers: even, falling or idle ones end the connection", async () => {
    for (const [what, bytes] of [
      ["even", headers(2, GET, { end: true })],
      ["falling", Buffer.concat([headers(9, GET, { end: true }), headers(7, GET, { end: true })])],
      ["idle, reset", rstStream(1, H2Code.cancel)],
      ["idle, window", windowUpdate(1, 1)],
      ["idle, body", data(1, "x")],
    ] as const) {
      await scene.withstands(
        async (attack) => {
          const attacker = await scene.attacker(attack, { tls: false });
          attacker.send(bytes);
          assert.match(await attacker.end(), /^GOAWAY (PROTOCOL_ERROR|STREAM_CLOSED)$/, what);
          assert.ok(attacker.count(FrameType.goAway) === 1);
        },
        { counters: { h2_goaway_sent_total: 1 } },
      );
    }
  });
});
