/**
 * HTTP/3: frames and streams that cost the sender little and would cost us much. Field sections that decode to
 * megabytes, as head and as trailers (CVE-2025-64702, CVE-2026-40898); resets, ends and stops at every point
 * of a request (CVE-2024-34362, -32974, CVE-2023-44487); SETTINGS and frames of great length, of no known type,
 * and PRIORITY_UPDATE for streams that there are not.
 */
import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";
import { H3Code } from "../../src/wire/h3/error-code.ts";
import { AttackScene } from "../support/attack-scene.ts";
import { GET_H3, H3Attacker, POST_H3 } from "../support/h3-attacker.ts";
import {
  data,
  frame,
  goAway,
  headers,
  priorityUpdate,
  section,
  settings,
  varint,
} from "../support/h3-dsl.ts";
import type { Script } from "../support/recording-backend.ts";
import { hang, respond } from "../support/scripts.ts";
import { suiteScope } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

const scope = suiteScope();
let scene: AttackScene;

before(async () => {
  scene = await AttackScene.start(scope, { quic: {}, listener: { http: { max_request_body_bytes: 0 } } });
});

/** What requests of attackers get; the bystander is answered whatever happens. */
function serve(script: Script): void {
  const fine = respond("200 OK", "fine");
  scene.backend.script = (request, answer) =>
    (request.target === "/bystander" ? fine : script)(request, answer);
}

beforeEach(() => serve(respond("200 OK", "fine")));

/** Fields that are a reference of one octet each, to `strict-transport-security` with a value of 16. */
function staticLines(count: number): Buffer {
  return Buffer.concat([Buffer.from([0, 0]), Buffer.alloc(count, 0xc0 | 55)]);
}

describe("HTTP/3 field sections", { timeout: 180_000 }, () => {
  it("above the limit of octets or fields are refused, as heads", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.h3Attacker(attack);
        const large = [...GET_H3, ["x-large", "x".repeat(70 * KIB)]] as const;
        assert.match(await attacker.get(large), /^(431|reset H3_EXCESSIVE_LOAD)$/);
        const many = [...GET_H3, ...Array.from({ length: 500 }, (_, i) => [`x-${i}`, ""] as const)];
        assert.equal(await attacker.get(many), "431");
        assert.equal(await attacker.get(), "200");
      },
      { counters: { security_header_list_tripped_total: 1 } },
    );
  });

  it("above the limit are refused as trailers, too", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.h3Attacker(attack);
      const large = headers([["x-large", "x".repeat(70 * KIB)]]);
      const id = attacker.request([headers(POST_H3), data("body")], false);
      await attacker.all(id, large, true);
      assert.match(await attacker.outcome(id), /^(431|reset H3_(EXCESSIVE_LOAD|MESSAGE_ERROR))$/);
      assert.equal(await attacker.get(), "200");
    });
  });

  it("whose octets name one large entry after another decode to no more than the limit", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.h3Attacker(attack);
      for (let i = 0; i < 50; i++) {
        // 60,000 references to an entry of the static table: 5 MB of fields from 60 KB.
        const id = attacker.request([], false);
        if (id === -1) break;
        await attacker.all(id, frame(1, staticLines(60_000)), true);
        if (attacker.closed !== null) break;
        assert.match(
          await attacker.outcome(id),
          /^(431|400|reset H3_(EXCESSIVE_LOAD|MESSAGE_ERROR)|H3_EXCESSIVE_LOAD|QPACK_DECOMPRESSION_FAILED)$/,
        );
      }
    });
  });

  it("that never come to their end are given up in time", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.h3Attacker(attack);
      const announced = Buffer.concat([varint(1), varint(1000), section(GET_H3)]);
      const ids = Array.from({ length: 16 }, () => attacker.request([announced], false));
      for (const id of ids) {
        const outcome = await attacker.outcome(id);
        assert.match(outcome, /^(408|reset H3_REQUEST_INCOMPLETE)$/);
      }
      assert.equal(await attacker.get(), "200");
    });
  });
});

/** What a client does at some point of a request, beside what it should. */
const MOMENTS: Readonly<Record<string, (attacker: H3Attacker) => Promise<void> | void>> = {
  "resets a request of which nothing has come": (attacker) => {
    const id = attacker.link.openBidirectional();
    attacker.cancel(id);
  },
  "resets within a head": (attacker) => {
    const id = attacker.request([headers(GET_H3).subarray(0, 10)], false);
    attacker.link.reset(id, H3Code.requestCancelled);
  },
  "ends within a head": (attacker) => {
    attacker.request([headers(GET_H3).subarray(0, 10)]);
  },
  "resets within a body, and reads the answer": async (attacker) => {
    const id = attacker.request([headers(POST_H3), data("part")], false);
    attacker.link.reset(id, H3Code.requestCancelled);
    attacker.link.flush();
    await waitFor("an end of it", () => attacker.stream(id).ended || attacker.stream(id).resetCode !== -1);
  },
  "leaves a request open, resets it behind the answer, and goes": async (attacker) => {
    const id = attacker.request([headers(POST_H3), data("part")], false);
    attacker.link.flush();
    await new Promise(setImmediate);
    attacker.link.reset(id, H3Code.noError);
    attacker.link.close(H3Code.noError, "");
  },
  "stops an answer that has not begun": (attacker) => {
    const id = attacker.request([headers(GET_H3)]);
    attacker.link.stop(id, H3Code.requestCancelled);
  },
  "stops an answer that is under way": async (attacker) => {
    const id = attacker.request([headers(GET_H3)]);
    await waitFor("a part of the answer", () => attacker.stream(id).octets > 0, { everyMs: 1 });
    attacker.link.stop(id, H3Code.requestCancelled);
  },
  "stops the control stream's answers": (attacker) => {
    attacker.link.stop(3, H3Code.noError);
  },
  "closes with a code of its own while requests are open": (attacker) => {
    for (let i = 0; i < 10; i++) attacker.request([headers(GET_H3)]);
    attacker.link.close(0x1_0000, "gone");
  },
};

/** For moments that need an answer. */
const ANSWERS: Readonly<Record<string, Script>> = {
  "resets within a body, and reads the answer": respond("200 OK", "fine"),
  "stops an answer that is under way": respond("200 OK", "x".repeat(MIB)),
};

describe("HTTP/3 clients that go away", { timeout: 180_000 }, () => {
  for (const [name, act] of Object.entries(MOMENTS)) {
    it(`whoever ${name}`, async () => {
      const script = ANSWERS[name] ?? hang;
      serve(script);
      await scene.withstands(async (attack) => {
        for (let i = 0; i < 20; i++) {
          const attacker = await scene.h3Attacker(attack);
          await act(attacker);
          attacker.link.flush();
          if (i % 2 === 0) await new Promise(setImmediate);
          attacker.link.close(H3Code.noError, "");
        }
      });
    });
  }

  it("resetting requests that are being worked on ends the connection", async () => {
    serve(hang);
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.h3Attacker(attack);
        for (let round = 0; round < 100 && attacker.closed === null; round++) {
          const ids = Array.from({ length: 10 }, () => attacker.request([headers(GET_H3)]));
          const { requests } = scene.backend;
          const before = requests.length;
          await waitFor("them at the backend", () => requests.length > before || attacker.closed !== null, {
            everyMs: 1,
          });
          for (const id of ids) attacker.cancel(id);
        }
        assert.equal(await attacker.ended(), "H3_EXCESSIVE_LOAD");
      },
      { counters: { security_rapid_reset_tripped_total: 1 } },
    );
  });

  it("resetting requests before they can be looked at ends the connection, too", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.h3Attacker(attack);
      for (let i = 0; i < 20_000 && attacker.closed === null; i++) {
        const id = attacker.request([headers(GET_H3)]);
        if (id !== -1) attacker.cancel(id);
        if (id === -1 || i % 10 === 0) await new Promise(setImmediate);
      }
      assert.equal(await attacker.ended(), "H3_EXCESSIVE_LOAD");
    });
  });
});

interface Flood {
  /** Metric without prefix and suffix. */
  readonly metric: string;
  /** Does some of it; returns false when there is no way to do more. */
  readonly part: (attacker: H3Attacker, round: number) => void;
}

const FLOODS: Readonly<Record<string, Flood>> = {
  "PRIORITY_UPDATE for streams that there are not": {
    metric: "priority_flood_tripped",
    part: (attacker, round) =>
      attacker.control(...Array.from({ length: 50 }, (_, i) => priorityUpdate((round * 50 + i) * 4, "u=1"))),
  },
  "frames of no known type": {
    metric: "empty_frames_tripped",
    part: (attacker) => attacker.control(...Array.from({ length: 50 }, (_, i) => frame(0x21 + 0x1f * i))),
  },
  "streams of no known type": {
    metric: "empty_frames_tripped",
    part: (attacker, round) => void attacker.unidirectional(0x21 + 0x1f * round, Buffer.alloc(0), true),
  },
  MAX_PUSH_ID: {
    metric: "settings_flood_tripped",
    part: (attacker, round) =>
      attacker.control(...Array.from({ length: 20 }, (_, i) => frame(0xd, varint(round * 20 + i)))),
  },
  GOAWAY: {
    metric: "settings_flood_tripped",
    part: (attacker) => attacker.control(...Array.from({ length: 20 }, () => goAway(0))),
  },
};

describe("HTTP/3 floods", { timeout: 180_000 }, () => {
  for (const [name, { metric, part }] of Object.entries(FLOODS)) {
    it(`of ${name} end the connection with H3_EXCESSIVE_LOAD`, async () => {
      await scene.withstands(
        async (attack) => {
          const attacker = await scene.h3Attacker(attack);
          for (let round = 0; round < 5000 && attacker.closed === null; round++) {
            part(attacker, round);
            await new Promise(setImmediate);
          }
          assert.equal(await attacker.ended(), "H3_EXCESSIVE_LOAD");
        },
        { counters: { [`security_${metric}_total`]: 1 } },
      );
    });
  }

  it("of SETTINGS that announce a gigabyte end the connection before it comes", async () => {
    await scene.withstands(async (attack) => {
      const users = await scene.users(attack);
      const attacker = await users.raw(scene.secure, new H3Attacker());
      attacker.control(Buffer.concat([varint(4), varint(1_000_000_000), Buffer.alloc(1000)]));
      assert.match(await attacker.ended(), /^H3_(EXCESSIVE_LOAD|SETTINGS_ERROR)$/);
    });
  });

  it("of one reserved frame of 100 MiB are stepped over, and held nowhere", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.h3Attacker(attack);
      const id = attacker.request([Buffer.concat([varint(0x21), varint(100 * MIB)])], false);
      const block = Buffer.alloc(64 * KIB);
      let left = 100 * MIB;
      while (left > 0 && attacker.closed === null && attacker.stream(id).resetCode === -1) {
        const taken = attacker.octets(id, block.subarray(0, Math.min(left, block.length)));
        if (taken < 0) break;
        left -= taken;
        await new Promise(setImmediate);
      }
      if (left > 0) return;
      await attacker.all(id, headers(GET_H3), true);
      assert.equal(await attacker.outcome(id), "200");
    });
  });

  it("of settings that are wrong are told what is", async () => {
    await scene.withstands(async (attack) => {
      const users = await scene.users(attack);
      const twice = await users.raw(scene.secure, new H3Attacker());
      twice.control(settings([6, 1], [6, 2]));
      assert.equal(await twice.ended(), "H3_SETTINGS_ERROR");
      const again = await scene.h3Attacker(attack);
      again.control(settings());
      assert.equal(await again.ended(), "H3_FRAME_UNEXPECTED");
    });
  });
});
