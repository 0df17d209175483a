/**
 * HTTP/2: clients that ask for much and take little: windows that stay shut or open by an octet (CVE-2019-9511),
 * a TCP connection that nobody reads under windows that are wide open (CVE-2019-9517), uploads that trickle.
 * What waits for them is bounded, their backends are held back and then let go, and time ends them.
 */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { before, describe, it } from "node:test";
import { AttackScene } from "../support/attack-scene.ts";
import { data, type FieldList, GET, headers, POST, settings, windowUpdate } from "../support/h2-dsl.ts";
import type { H2Attacker } from "../support/h2-attacker.ts";
import { hello, type Script } from "../support/recording-backend.ts";
import { streamed } from "../support/scripts.ts";
import { suiteScope } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

const INITIAL_WINDOW_SIZE = 4;
const WIDE_OPEN = 0x7fff_ffff;
const STREAMS = 100;
/** More than the buffers between the backend and the client hold. */
const OBJECT_BYTES = 32 * 1024 * 1024;

const STALLED = { counters: { security_zero_window_stall_total: 1 } };

const BIG: FieldList = [...GET.slice(0, 3), [":path", "/big"]];
const HANG: FieldList = [...GET.slice(0, 3), [":path", "/hang"]];

/**
 * Large objects for attackers, or nothing at all: the sockets on which they are under way, and how much was
 * taken at most on those that are not any more.
 */
const sending = new Set<Socket>();
let mostTakenBytes = 0;
/** Objects that were ever asked for, and how many that will be when the attacker's have come. */
let begun = 0;
let expected = 0;
const script: Script = async (request, answer) => {
  if (request.target !== "/big" && request.target !== "/hang") {
    hello(request, answer);
    return;
  }
  sending.add(answer.socket);
  begun += 1;
  answer.socket.once("close", () => {
    sending.delete(answer.socket);
    mostTakenBytes = Math.max(mostTakenBytes, answer.socket.bytesWritten);
  });
  if (request.target === "/big") await streamed(OBJECT_BYTES)(request, answer);
};

const scope = suiteScope();
let scene: AttackScene;
before(async () => {
  scene = await AttackScene.start(scope, {
    backend: { script, record: false },
    listener: {
      http: { body_timeout_ms: 1000, total_timeout_ms: 10_000 },
      h2_security: { keep_alive_interval_ms: 1000, keep_alive_timeout_ms: 1000 },
    },
    config: { runtime: { watchdog: { header_deadline_ms: 1000, sweep_interval_ms: 100 } } },
  });
});

function askForMuch(attacker: H2Attacker): void {
  expected = begun + STREAMS;
  for (let i = 0; i < STREAMS; i++) attacker.request(BIG);
}

/** Each was begun; on a busy machine the first may have been given up by then. */
async function allAreUnderWay(): Promise<void> {
  await waitFor("the objects to be on their way", () => begun >= expected);
}

/** All that was asked for has ended at the backend, too, which was held back before. */
async function backendIsFree(): Promise<void> {
  await waitFor("the backend to be let go", () => sending.size === 0, { timeoutMs: 10_000 });
  assert.ok(mostTakenBytes > 0 && mostTakenBytes < OBJECT_BYTES, `${mostTakenBytes} bytes were taken`);
}

describe("a client that takes nothing", { timeout: 120_000 }, () => {
  for (const tls of [true, false]) {
    const over = tls ? ", over TLS" : "";

    it(`through a window of 0: its streams are reset in time${over}`, async () => {
      await scene.withstands(
        async (attack) => {
          const attacker = await scene.attacker(attack, { tls, settings: [[INITIAL_WINDOW_SIZE, 0]] });
          askForMuch(attacker);
          await allAreUnderWay();
          for (let id = 1; id < 2 * STREAMS; id += 2)
            assert.equal(await attacker.outcome(id, 10_000), "200 cut");
          assert.equal(attacker.dataBytes, 0);
          await backendIsFree();
        },
        {
          counters: { security_zero_window_stall_total: STREAMS },
        },
      );
    });

    it(`through a window of the connection that stays shut${over}`, async () => {
      await scene.withstands(async (attack) => {
        const attacker = await scene.attacker(attack, { tls, settings: [[INITIAL_WINDOW_SIZE, WIDE_OPEN]] });
        askForMuch(attacker);
        const first = await attacker.outcome(1, 10_000);
        assert.equal(first, "200 cut");
        await backendIsFree();
        assert.equal(attacker.dataBytes, 65_535);
      }, STALLED);
    });

    it(`from TCP, with windows that are wide open${over}`, async () => {
      await scene.withstands(async (attack) => {
        const attacker = await scene.attacker(attack, { tls, settings: [[INITIAL_WINDOW_SIZE, WIDE_OPEN]] });
        attacker.send(windowUpdate(0, WIDE_OPEN - 65_535));
        attacker.pause();
        askForMuch(attacker);
        await allAreUnderWay();
        await backendIsFree();
      }, STALLED);
    });

    it(`through windows that open by one octet, on one stream after the other${over}`, async () => {
      await scene.withstands(
        async (attack) => {
          const attacker = await scene.attacker(attack, { tls, settings: [[INITIAL_WINDOW_SIZE, 0]] });
          askForMuch(attacker);
          await waitFor("the heads", () => attacker.streams.size === STREAMS);
          const drip = Buffer.concat(Array.from({ length: STREAMS }, (_, i) => windowUpdate(1 + 2 * i, 1)));
          assert.ok((await attacker.flood(() => drip, 100_000)) < 100_000);
          assert.match(await attacker.end(), /^(GOAWAY ENHANCE_YOUR_CALM|closed)$/);
          await backendIsFree();
        },
        { counters: { security_window_update_dribble_tripped_total: 1 } },
      );
    });
  }

  it("through windows that open by one octet now and then is too slow", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.attacker(attack, { tls: true, settings: [[INITIAL_WINDOW_SIZE, 0]] });
      const id = attacker.request(BIG);
      await waitFor("the head", () => attacker.streams.size === 1);
      const outcome = await waitFor(
        "the stream to be reset",
        () => {
          attacker.send(windowUpdate(id, 1));
          return attacker.outcomeNow(id);
        },
        { timeoutMs: 10_000, everyMs: 50 },
      );
      assert.equal(outcome, "200 cut");
      await backendIsFree();
    }, STALLED);
  });

  it("through windows that SETTINGS open and shut again is too slow, or too busy", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.attacker(attack, { tls: false, settings: [[INITIAL_WINDOW_SIZE, 0]] });
      const id = attacker.request(BIG);
      await waitFor("the head", () => attacker.streams.size === 1);
      await waitFor(
        "the stream or the connection to be ended",
        () => {
          attacker.send(settings([INITIAL_WINDOW_SIZE, 1]), settings([INITIAL_WINDOW_SIZE, 0]));
          return attacker.outcomeNow(id);
        },
        { timeoutMs: 10_000, everyMs: 20 },
      );
      await backendIsFree();
    }, STALLED);
  });

  it("and does not say that it is there: PINGs find out", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: false });
        attacker.request(HANG);
        await waitFor("the request to be at the backend", () => sending.size === 1);
        attacker.polite = false;
        await waitFor("the connection to be closed", () => attacker.over, { timeoutMs: 10_000 });
        await waitFor("the backend to be let go", () => sending.size === 0);
      },
      { counters: { h2_goaway_sent_total: 1 } },
    );
  });
});

describe("a client that gives little", { timeout: 60_000 }, () => {
  it("of many bodies, or nothing of them, gets 408", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true });
        for (let i = 0; i < STREAMS; i++) attacker.send(headers(1 + 2 * i, POST));
        const drip = data(1, "x");
        const outcome = await waitFor(
          "an answer",
          () => {
            if (attacker.outcomeNow(1) === undefined) attacker.send(drip);
            return attacker.outcomeNow(2 * STREAMS - 1);
          },
          { timeoutMs: 10_000, everyMs: 50 },
        );
        assert.equal(outcome, "408");
        assert.equal(await attacker.outcome(1, 10_000), "408");
      },
      { counters: { body_progress_stalls_total: STREAMS } },
    );
  });

  it("of a frame, and stops, is given up", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true });
        assert.equal(await attacker.ask(GET), "200");
        attacker.send(headers(101, GET, { end: true }).subarray(0, 12));
        assert.match(await attacker.end(), /^(GOAWAY ENHANCE_YOUR_CALM|closed)$/);
      },
      { counters: { security_slowloris_reaped_total: 1 } },
    );
  });

  it("of SETTINGS acknowledgements is given up", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true, polite: false });
        assert.equal(await attacker.ask(GET), "200");
        assert.equal(await attacker.end(), "GOAWAY SETTINGS_TIMEOUT");
      },
      { counters: { h2_goaway_sent_total: 1 } },
    );
  });
});
