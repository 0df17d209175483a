/**
 * HTTP/2: frames that cost the sender nothing and want something of us: SETTINGS (CVE-2019-9515), PING
 * (-9512), PRIORITY (-9513), frames without content (-9518), WINDOW_UPDATE (-9511), frames on closed
 * streams, frames of no known type. Each ends its connection with GOAWAY ENHANCE_YOUR_CALM.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { Flag, FrameType } from "../../src/wire/h2/frame/frame-type.ts";
import { AttackScene, ended } from "../support/attack-scene.ts";
import {
  data,
  frame,
  GET,
  goAway,
  headers,
  ping,
  POST,
  priority,
  priorityUpdate,
  rstStream,
  settings,
  SETTINGS_ACK,
  windowUpdate,
} from "../support/h2-dsl.ts";
import type { H2Attacker } from "../support/h2-attacker.ts";
import { GIVEN_UP } from "../support/h2-wire-peer.ts";
import { suiteScope } from "../support/suite.ts";

/** Parts of 200 frames, more than any budget has; and so many parts that no buffer on the way holds them all. */
const FRAMES = 200;
const PARTS = 100_000;

/** Parts of DATA for a stream that was reset. */
const DISCARDED = 100;

interface Flood {
  /** Metric without prefix and suffix, and the name of the budget. */
  readonly metric: string;
  readonly budget: string;
  /** What comes before. */
  readonly open?: (attacker: H2Attacker) => void;
  readonly part: () => Buffer;
}

function times(count: number, bytes: Buffer): Buffer {
  return Buffer.concat(Array<Buffer>(count).fill(bytes));
}

/** A request whose body goes on. */
function upload(attacker: H2Attacker): void {
  attacker.send(headers(1, POST));
}

/** A request that was answered. */
function get(attacker: H2Attacker): void {
  attacker.send(headers(1, GET, { end: true }));
}

const EMPTY = { metric: "empty_frames_tripped", budget: "empty_frames" };
const SETTINGS = { metric: "settings_flood_tripped", budget: "settings" };
const PING = { metric: "ping_flood_tripped", budget: "ping" };
const PRIORITY = { metric: "priority_flood_tripped", budget: "priority" };
const WINDOWS = { metric: "window_update_dribble_tripped", budget: "window_updates" };
const CLOSED = { metric: "closed_streams_tripped", budget: "closed_streams" };

const CONTROL_FLOODS: Readonly<Record<string, Flood>> = {
  "empty SETTINGS": { ...SETTINGS, part: () => times(FRAMES, settings()) },
  "SETTINGS with 2,730 values": {
    ...SETTINGS,
    part: () => settings(...Array.from({ length: 2730 }, () => [4, 65_535] as const)),
  },
  "SETTINGS that change the header table": {
    ...SETTINGS,
    part: () => times(FRAMES, Buffer.concat([settings([1, 0]), settings([1, 4096])])),
  },
  "SETTINGS that move all windows": {
    ...SETTINGS,
    open: (attacker) => {
      for (let i = 0; i < 200; i++) attacker.request(GET);
    },
    part: () => times(FRAMES, Buffer.concat([settings([4, 0]), settings([4, 65_535])])),
  },
  "SETTINGS of unknown identifiers": { ...SETTINGS, part: () => times(FRAMES, settings([0xf0f0, 1])) },
  "SETTINGS acknowledgements that nobody asked for": { ...SETTINGS, part: () => times(FRAMES, SETTINGS_ACK) },
  PING: { ...PING, part: () => times(FRAMES, ping()) },
  "PING answers that nobody asked for": { ...PING, part: () => times(FRAMES, ping("notasked", true)) },
  PRIORITY: {
    ...PRIORITY,
    part: () => Buffer.concat(Array.from({ length: FRAMES }, (_, i) => priority(2 * i + 1, 2 * i + 3))),
  },
  "PRIORITY on one stream, to and fro": {
    ...PRIORITY,
    open: upload,
    part: () => times(FRAMES, Buffer.concat([priority(1, 3), priority(1, 5)])),
  },
  PRIORITY_UPDATE: { ...PRIORITY, part: () => times(FRAMES, priorityUpdate(1, "u=1, i")) },
  "PRIORITY_UPDATE of streams that will never be": {
    ...PRIORITY,
    part: () =>
      Buffer.concat(
        Array.from({ length: FRAMES }, (_, i) => priorityUpdate(1_000_001 + 2 * (i % 100), "u=7")),
      ),
  },
};

const USELESS_FLOODS: Readonly<Record<string, Flood>> = {
  "empty DATA": { ...EMPTY, open: upload, part: () => times(FRAMES, data(1, "")) },
  "DATA with padding only": { ...EMPTY, open: upload, part: () => times(FRAMES, data(1, "", { pad: 1 })) },
  "DATA with 255 octets of padding": {
    ...EMPTY,
    open: upload,
    part: () => times(FRAMES / 2, data(1, "", { pad: 255 })),
  },
  "frames of an unknown type": { ...EMPTY, part: () => times(FRAMES, frame(0xbb, 0xff, 0)) },
  "large frames of an unknown type": {
    ...EMPTY,
    part: () => times(4, frame(0xbb, 0, 1, Buffer.alloc(16_384))),
  },
  "ORIGIN and ALTSVC": {
    ...EMPTY,
    part: () => times(FRAMES, Buffer.concat([frame(0xa, 0, 0, "\0\0"), frame(0xc, 0, 0, "\0\0")])),
  },
  "GOAWAY of a client": { ...SETTINGS, part: () => times(FRAMES, goAway(0, 0)) },
  "WINDOW_UPDATE of the connection by 1": { ...WINDOWS, part: () => times(FRAMES, windowUpdate(0, 1)) },
  "WINDOW_UPDATE of a stream by 1": {
    ...WINDOWS,
    open: upload,
    part: () => times(FRAMES, windowUpdate(1, 1)),
  },
  "WINDOW_UPDATE of a stream that is over": {
    ...WINDOWS,
    open: get,
    part: () => times(FRAMES, windowUpdate(1, 1)),
  },
  "RST_STREAM of a stream that is over": {
    ...CLOSED,
    open: (attacker) => attacker.send(headers(1, GET, { end: true }), rstStream(1, 8)),
    part: () => times(FRAMES, rstStream(1, 8)),
  },
};

const scope = suiteScope();
let scene: AttackScene;

/** A gateway writes only so many lines of a kind within some time, so each group has one of its own. */
async function setScene(): Promise<void> {
  scene = await AttackScene.start(scope);
}

async function floodWith(flood: Flood, options: { tls: boolean; reads: boolean }): Promise<void> {
  const { metric, budget, open, part } = flood;
  const bytes = part();
  await scene.withstands(
    async (attack) => {
      const attacker = await scene.attacker(attack, options);
      open?.(attacker);
      if (!options.reads) attacker.pause();
      assert.ok((await attacker.flood(() => bytes, PARTS)) < PARTS, "all of it was taken");
      attacker.resume();
      assert.match(await attacker.end(), GIVEN_UP);
    },
    {
      counters: { [`security_${metric}_total`]: 1, h2_goaway_sent_total: 1 },
      log: ended(`ENHANCE_YOUR_CALM: too many: ${budget}`),
    },
  );
}

function testFloods(floods: Readonly<Record<string, Flood>>): void {
  before(setScene);
  for (const [what, flood] of Object.entries(floods)) {
    it(`${what} ends the connection`, async () => await floodWith(flood, { tls: false, reads: true }));
    it(`${what} over TLS, whose answers nobody reads, ends the connection`, async () =>
      await floodWith(flood, { tls: true, reads: false }));
  }
}

describe("a flood of control frames:", { timeout: 120_000 }, () => {
  testFloods(CONTROL_FLOODS);
});

describe("a flood of frames without use:", { timeout: 120_000 }, () => {
  testFloods(USELESS_FLOODS);

  it("DATA on a stream that we have reset is thrown away", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.attacker(attack, { tls: false });
      // Malformed: its stream is reset, and what still comes is of no interest.
      attacker.send(headers(1, [...POST, ["Upper", "x"]]));
      assert.equal(await attacker.outcome(1), "RST PROTOCOL_ERROR");
      const bytes = times(FRAMES, data(1, "x"));
      assert.equal(await attacker.flood(() => bytes, DISCARDED), DISCARDED);
      attacker.nextId = 3;
      assert.equal(await attacker.ask(GET), "200");
      assert.equal(attacker.count(FrameType.rstStream), 1);
    });
  });

  it("everything in turn ends the connection", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true });
        upload(attacker);
        const bytes = Buffer.concat([
          settings(),
          ping(),
          priority(7, 9),
          data(1, ""),
          windowUpdate(0, 1),
          frame(0xbb, Flag.ack, 0),
          frame(FrameType.goAway, 0, 0, Buffer.alloc(8)),
        ]);
        assert.ok((await attacker.flood(() => times(FRAMES, bytes), PARTS)) < PARTS);
        assert.match(await attacker.end(), GIVEN_UP);
      },
      { counters: { h2_goaway_sent_total: 1 } },
    );
  });
});

describe("what honest clients do", { timeout: 60_000 }, () => {
  it("is no flood: some of everything", async () => {
    await scene.withstands(async (attack) => {
      const client = await scene.attacker(attack, { tls: true });
      for (let i = 0; i < 20; i++) {
        client.send(settings([4, 65_535 + i]), ping(), priority(client.nextId, 0), windowUpdate(0, 65_535));
        assert.equal(await client.ask(POST, { body: ["x", "", "y", ""] }), "200");
      }
      assert.equal(client.endNow(), undefined);
    });
  });
});
