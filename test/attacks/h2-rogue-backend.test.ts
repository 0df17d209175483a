/**
 * HTTP/2: backends that mean harm. What clients do to a gateway, a backend can do, too: floods, header blocks
 * without an end, windows that overflow, responses that are none. Whoever asked gets 502, or a response that is
 * visibly cut; the session is given up if need be; nobody else notices.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { Flag, FrameType } from "../../src/wire/h2/frame/frame-type.ts";
import { AttackScene } from "../support/attack-scene.ts";
import type { CleanupScope } from "../support/gateway.ts";
import { pieces } from "../support/h2-attacker.ts";
import {
  block,
  data,
  type FieldList,
  fragments,
  frame,
  goAway,
  headers,
  indexedLiteral,
  ping,
  priority,
  rstStream,
  settings,
  uint32,
  windowUpdate,
} from "../support/h2-dsl.ts";
import type { H2WirePeer } from "../support/h2-wire-peer.ts";
import { answerOf } from "../support/http2-client.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Manners, RogueScript } from "../support/rogue-backend.ts";
import { fieldValue, statusOf } from "../support/strict-http1.ts";
import { get, suiteScope } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

const OK: FieldList = [[":status", "200"]];
const PARTS = 100_000;
const FRAMES = 200;

const scope = suiteScope();
let scene: AttackScene;

/** A gateway writes only so many lines of a kind within some time, so each group has one of its own. */
async function setScene(): Promise<void> {
  scene = await AttackScene.start(scope, {
    listener: { http: { body_timeout_ms: 1000, head_timeout_ms: 1000, total_timeout_ms: 3000 } },
    config: { runtime: { connect_timeout_ms: 500 } },
  });
}

interface Answered {
  /** `502`, `200 cut`, `cut`. */
  readonly outcome: string;
  readonly names: readonly string[];
}

async function askOverH2(attack: CleanupScope, path: string): Promise<Answered> {
  const client = await scene.client(attack);
  const stream = client.open({ ":path": path });
  let status = "";
  let names: string[] = [];
  stream.on("response", (fields) => {
    status = String(fields[":status"]);
    names = Object.keys(fields);
  });
  const cut = await answerOf(stream).then(
    () => "",
    () => "cut",
  );
  return { outcome: `${status} ${cut}`.trim(), names };
}

async function askOverH1(_attack: CleanupScope, path: string): Promise<Answered> {
  const client = await RawClient.connect(scene.plain);
  try {
    client.send(get(path));
    for (;;) {
      const answer = await client.readResponse({ timeoutMs: 15_000 });
      const status = statusOf(answer);
      const names = answer.fields.map(([name]) => name.toLowerCase());
      if (status >= 200) return { outcome: String(status), names };
    }
  } catch {
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec(client.unread) ?? [];
    return { outcome: `${status ?? ""} cut`.trim(), names: [] };
  } finally {
    client.destroy();
  }
}

interface Misdeed {
  readonly script: RogueScript;
  readonly manners?: Manners;
  readonly expected: RegExp;
  readonly counters?: Readonly<Record<string, number>>;
  /** In the `detail` of the log line about the session. */
  readonly detail?: RegExp;
}

/** Asks the rogue backend over both versions while it does this. */
async function survives(misdeed: Misdeed): Promise<void> {
  const { script, manners, expected, counters = {}, detail } = misdeed;
  scene.rogue.become(script, manners);
  await scene.withstands(
    async (attack) => {
      for (const ask of [askOverH2, askOverH1]) {
        const { outcome, names } = await ask(attack, "/rogue/a");
        assert.match(outcome, expected);
        assert.ok(!names.includes("x-injected"), names.join());
      }
    },
    {
      counters,
      ...(detail === undefined
        ? {}
        : { log: ({ fields }) => detail.test(String(fields["detail"])) && fields["level"] === "warn" }),
    },
  );
}

function times(count: number, bytes: Buffer): Buffer {
  return Buffer.concat(Array<Buffer>(count).fill(bytes));
}

/** First what begins it, then the same bytes again and again, reading nothing. */
function flood(begin: (id: number) => Buffer, part: (id: number) => Buffer): RogueScript {
  return async (peer, id) => {
    peer.send(begin(id));
    peer.polite = false;
    peer.pause();
    const bytes = part(id);
    await peer.flood(() => bytes, PARTS);
    peer.resume();
  };
}

/** Answers with these bytes once. */
function once(answer: (id: number, peer: H2WirePeer) => Buffer): RogueScript {
  return (peer, id) => peer.send(answer(id, peer));
}

const none = (): Buffer => Buffer.alloc(0);
const head = (id: number): Buffer => headers(id, OK);

function tripped(metric: string): { counters: Record<string, number> } {
  return { counters: { [`security_${metric}_total`]: 2 } };
}

/** Waits for a head, then it is cut: the body's kind. */
const CUT = /^(502|200 cut|cut)$/;

const FLOODS: Readonly<Record<string, Misdeed>> = {
  "an endless header block": {
    script: flood(
      (id) => frame(FrameType.headers, 0, id, block(OK)),
      (id) =>
        frame(
          FrameType.continuation,
          0,
          id,
          times(100, block([["x-field", "v".repeat(140)]])).subarray(0, 16_384),
        ),
    ),
    expected: /^502$/,
    ...tripped("hpack_bomb_tripped"),
    detail: /a header block over its limit/,
  },
  "endless empty CONTINUATIONs": {
    script: flood(
      (id) => frame(FrameType.headers, 0, id, block(OK)),
      (id) => times(FRAMES, frame(FrameType.continuation, 0, id)),
    ),
    expected: /^502$/,
    ...tripped("continuation_flood_tripped"),
    detail: /too many CONTINUATIONs/,
  },
  "empty DATA": {
    script: flood(head, (id) => times(FRAMES, data(id, ""))),
    expected: CUT,
    ...tripped("empty_frames_tripped"),
    detail: /too many: empty_frames/,
  },
  SETTINGS: {
    script: flood(none, () => times(FRAMES, settings())),
    expected: /^502$/,
    ...tripped("settings_flood_tripped"),
    detail: /too many: settings/,
  },
  PING: {
    script: flood(none, () => times(FRAMES, ping())),
    expected: /^502$/,
    ...tripped("ping_flood_tripped"),
    detail: /too many: ping/,
  },
  "endless trailers": {
    script: flood(
      (id) => Buffer.concat([head(id), data(id, "x"), frame(FrameType.headers, Flag.endStream, id)]),
      (id) => frame(FrameType.continuation, 0, id, Buffer.alloc(16_384, 0x88)),
    ),
    expected: CUT,
    ...tripped("hpack_bomb_tripped"),
  },
  "a header list of 64 MiB": {
    script: once((id) =>
      fragments(
        id,
        pieces(Buffer.concat([block(OK), indexedLiteral("x", "v".repeat(4000)), Buffer.alloc(16_000, 0xbe)])),
        false,
      ),
    ),
    expected: /^502$/,
    ...tripped("hpack_bomb_tripped"),
  },
  "trailers of 64 MiB": {
    script: once((id) =>
      Buffer.concat([
        head(id),
        data(id, "x"),
        fragments(
          id,
          pieces(Buffer.concat([indexedLiteral("x", "v".repeat(4000)), Buffer.alloc(16_000, 0xbe)])),
        ),
      ]),
    ),
    expected: CUT,
    ...tripped("hpack_bomb_tripped"),
  },
  "a header list that is a little too large": {
    script: once((id) =>
      fragments(
        id,
        pieces(Buffer.concat([block(OK), indexedLiteral("x", "v".repeat(4000)), Buffer.alloc(20, 0xbe)])),
        false,
      ),
    ),
    expected: /^502$/,
  },
  "DATA with padding only": {
    script: flood(head, (id) => times(FRAMES, data(id, "", { pad: 2 }))),
    expected: CUT,
    ...tripped("empty_frames_tripped"),
  },
  "frames of an unknown type": {
    script: flood(none, (id) => times(FRAMES, frame(0xbb, 0, id, "x"))),
    expected: /^502$/,
    ...tripped("empty_frames_tripped"),
  },
  "SETTINGS before any request": {
    script: () => {},
    manners: { greeting: times(1000, settings()) },
    expected: /^502$/,
    ...tripped("settings_flood_tripped"),
  },
  PRIORITY: {
    script: flood(none, (id) => times(FRAMES, priority(id + 2, 0))),
    expected: /^502$/,
    ...tripped("priority_flood_tripped"),
  },
  WINDOW_UPDATE: {
    script: flood(none, (id) => times(FRAMES, windowUpdate(id, 1))),
    expected: /^502$/,
    ...tripped("window_update_dribble_tripped"),
  },
  GOAWAY: {
    script: flood(none, () => times(FRAMES, goAway(0x7fff_ffff, 0))),
    expected: /^502$/,
    ...tripped("settings_flood_tripped"),
  },
  "informational responses": {
    script: flood(none, (id) =>
      times(
        FRAMES,
        headers(id, [
          [":status", "103"],
          ["link", "</a>"],
        ]),
      ),
    ),
    expected: /^502$/,
  },
  "frames on a stream that is over": {
    script: (peer, id) => {
      peer.send(rstStream(id, 2));
      return flood(none, () => times(FRAMES, rstStream(id, 2)))(peer, id, []);
    },
    expected: /^502$/,
    // The second request may be on the session that is ended for the first one's.
    counters: { security_closed_streams_tripped_total: 1 },
  },
};

/** Response heads that are none; the answer is 502. */
const BAD_HEADS: Readonly<Record<string, FieldList>> = {
  "without a status": [["x", "1"]],
  "of nothing": [],
  "with two statuses": [...OK, [":status", "204"]],
  "with a status of four digits": [[":status", "2000"]],
  "with a status of letters": [[":status", "abc"]],
  "with a signed status": [[":status", "+20"]],
  "with an empty status": [[":status", ""]],
  "with status 000": [[":status", "000"]],
  "with status 099": [[":status", "099"]],
  "with status 101": [[":status", "101"]],
  "with a late status": [["x", "1"], ...OK],
  "with :path": [...OK, [":path", "/"]],
  "with :method": [[":method", "GET"], ...OK],
  "with an unknown pseudo-header field": [...OK, [":x", "y"]],
  "with upper case": [...OK, ["X-Upper", "1"]],
  "with CR LF in a value": [...OK, ["x", "a\r\nx-injected: 1"]],
  "with LF in a value": [...OK, ["x", "a\nx-injected: 1"]],
  "with CR in a value": [...OK, ["x", "a\rx-injected: 1"]],
  "with NUL in a value": [...OK, ["x", "a\0b"]],
  "with CR LF in a name": [...OK, ["x\r\nx-injected", "1"]],
  "with a colon in a name": [...OK, ["x-injected: 1\r\nx", "1"]],
  "with a space in a name": [...OK, ["x-injected ", "1"]],
  "with a space around a value": [...OK, ["x", " 1"]],
  "with CR LF in the status": [[":status", "200\r\nx-injected: 1"]],
  "with connection": [...OK, ["connection", "close"]],
  "with transfer-encoding": [...OK, ["transfer-encoding", "chunked"]],
  "with keep-alive": [...OK, ["keep-alive", "timeout=5"]],
  "with upgrade": [...OK, ["upgrade", "h2c"]],
  "with two lengths": [...OK, ["content-length", "1"], ["content-length", "2"]],
  "with a length of letters": [...OK, ["content-length", "1x"]],
  "with a negative length": [...OK, ["content-length", "-1"]],
  "with a list of lengths": [...OK, ["content-length", "1, 2"]],
};

/** Messages that break the rules in other ways. */
const MISDEEDS: Readonly<Record<string, Misdeed>> = {
  "a body that is longer than it says": {
    script: once((id) =>
      Buffer.concat([headers(id, [...OK, ["content-length", "2"]]), data(id, "xxx", { end: true })]),
    ),
    expected: CUT,
  },
  "a body that is shorter than it says": {
    script: once((id) =>
      Buffer.concat([headers(id, [...OK, ["content-length", "4"]]), data(id, "xxx", { end: true })]),
    ),
    expected: CUT,
  },
  "no body where a length says so": {
    script: once((id) => headers(id, [...OK, ["content-length", "4"]], { end: true })),
    expected: /^502$/,
  },
  "a body in front of the head": { script: once((id) => data(id, "x", { end: true })), expected: /^502$/ },
  "an end in front of the head": { script: once((id) => data(id, "", { end: true })), expected: /^502$/ },
  "an informational response that ends": {
    script: once((id) => headers(id, [[":status", "103"]], { end: true })),
    expected: /^502$/,
  },
  "trailers without END_STREAM": {
    script: once((id) =>
      Buffer.concat([head(id), data(id, "x"), headers(id, [["x-sum", "1"]]), data(id, "y", { end: true })]),
    ),
    expected: CUT,
  },
  "a second head": {
    script: once((id) => Buffer.concat([head(id), headers(id, OK), data(id, "y", { end: true })])),
    expected: CUT,
  },
  "trailers with a pseudo-header field": {
    script: once((id) =>
      Buffer.concat([head(id), data(id, "x"), headers(id, [[":status", "200"]], { end: true })]),
    ),
    expected: CUT,
  },
  "trailers with CR LF": {
    script: once((id) =>
      Buffer.concat([head(id), data(id, "x"), headers(id, [["x", "a\r\nx-injected: 1"]], { end: true })]),
    ),
    expected: CUT,
  },
  "a reset behind the head": {
    script: once((id) => Buffer.concat([head(id), rstStream(id, 2)])),
    expected: CUT,
  },
  "a reset without a head": { script: once((id) => rstStream(id, 8)), expected: /^502$/ },
  "a reset with NO_ERROR without a head": { script: once((id) => rstStream(id, 0)), expected: /^502$/ },
  "a reset with an unknown code": { script: once((id) => rstStream(id, 0xffff_ffff)), expected: /^502$/ },
  "a refusal each time": {
    script: once((id) => rstStream(id, 7)),
    expected: /^502$/,
    counters: { h2_upstream_streams_refused_total: 2 },
  },
  "GOAWAY for each request": {
    script: once(() => goAway(0, 0)),
    expected: /^502$/,
    counters: { h2_goaway_received_total: 2 },
  },
  "GOAWAY with an error, and words": {
    script: once(() => goAway(0, 0xb, '\r\n{"level":"fatal"}\u0000'.repeat(500))),
    expected: /^502$/,
    counters: { h2_goaway_received_total: 2 },
    detail: /ENHANCE_YOUR_CALM/,
  },
  "GOAWAYs that raise the last stream": {
    script: once(() => Buffer.concat([goAway(0, 0), goAway(0x7fff_ffff, 0)])),
    expected: /^502$/,
  },
  "GOAWAY, and the connection closed": {
    script: (peer) => {
      peer.send(goAway(0x7fff_ffff, 0));
      peer.socket.end();
    },
    expected: /^502$/,
  },
  "a window of the connection that overflows": {
    script: once(() => windowUpdate(0, 0x7fff_ffff)),
    expected: /^502$/,
    detail: /FLOW_CONTROL_ERROR/,
  },
  "a window of the stream that overflows": {
    script: once((id) => windowUpdate(id, 0x7fff_ffff)),
    expected: /^502$/,
  },
  "a window update by 0": { script: once((id) => windowUpdate(id, 0)), expected: /^502$/ },
  "an initial window that is too large": {
    script: once(() => settings([4, 0x8000_0000])),
    expected: /^502$/,
    detail: /FLOW_CONTROL_ERROR/,
  },
  "more than our window lets it": {
    script: once((id) => Buffer.concat([head(id), times(200, data(id, Buffer.alloc(16_384)))])),
    expected: /^(200|502|200 cut|cut)$/,
  },
  PUSH_PROMISE: {
    script: once((id) =>
      frame(FrameType.pushPromise, Flag.endHeaders, id, Buffer.concat([uint32(2), block(OK)])),
    ),
    expected: /^502$/,
    detail: /PUSH_PROMISE/,
  },
  "ENABLE_PUSH of a server": { script: () => {}, manners: { greeting: settings([2, 1]) }, expected: /^502$/ },
  "a response on a stream that was not opened": {
    script: once((id) => headers(id + 100, OK, { end: true })),
    expected: /^502$/,
  },
  "a response on an even stream": { script: once(() => headers(2, OK, { end: true })), expected: /^502$/ },
  "HPACK that is none": {
    script: once((id) =>
      frame(FrameType.headers, Flag.endHeaders, id, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])),
    ),
    expected: /^502$/,
    detail: /COMPRESSION_ERROR/,
  },
  "a frame that is too large": {
    script: once((id) => frame(FrameType.headers, Flag.endHeaders, id, Buffer.alloc(16_385, 0x88))),
    expected: /^502$/,
    detail: /FRAME_SIZE_ERROR/,
  },
  "a reserved maximum of frames": {
    script: () => {},
    manners: { greeting: settings([5, 1]) },
    expected: /^502$/,
  },
  "no streams at all": { script: () => {}, manners: { greeting: settings([3, 0]) }, expected: /^50[24]$/ },
  "HTTP/1.1": {
    script: () => {},
    manners: { greeting: Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") },
    expected: /^502$/,
  },
  "no SETTINGS": {
    script: () => {},
    manners: { greeting: Buffer.alloc(0), polite: false },
    expected: /^504$/,
  },
  "half of a frame": {
    script: once((id, peer) => {
      peer.polite = false;
      return head(id).subarray(0, 7);
    }),
    // The second request has the same session, where the halves do not make a frame.
    expected: /^50[24]$/,
  },
  "no answer": { script: () => {}, expected: /^504$/ },
};

describe("a backend that floods us with", { timeout: 120_000 }, () => {
  before(setScene);
  for (const [what, misdeed] of Object.entries(FLOODS)) it(what, async () => await survives(misdeed));
});

describe("a backend that answers with", { timeout: 120_000 }, () => {
  before(setScene);
  it("a head that is none: each is a 502", async () => {
    scene.rogue.become((peer, id, fields) => {
      const path = fields.find(([name]) => name === ":path")?.[1] ?? "";
      const what = decodeURIComponent(path.slice("/rogue/".length));
      peer.send(headers(id, BAD_HEADS[what] ?? OK, { end: true }));
    });
    await scene.withstands(async (attack) => {
      for (const what of Object.keys(BAD_HEADS)) {
        for (const ask of [askOverH2, askOverH1]) {
          const { outcome, names } = await ask(attack, `/rogue/${encodeURIComponent(what)}`);
          assert.equal(outcome, "502", what);
          assert.ok(!names.includes("x-injected"), what);
        }
      }
    });
  });

  it("a body behind 204 and 304: no octet of it is passed on", async () => {
    for (const status of ["204", "304"]) {
      scene.rogue.become(
        once((id) =>
          Buffer.concat([
            headers(id, [[":status", status]]),
            data(id, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", { end: true }),
          ]),
        ),
      );
      await scene.withstands(async (attack) => {
        assert.match((await askOverH2(attack, "/rogue/")).outcome, /^(502|cut)$/);
        const client = await RawClient.connect(scene.plain);
        const answer = await client.request(get("/rogue/"));
        // Over HTTP/1 the head was complete, and with it the response, before the body came.
        assert.match(String(statusOf(answer)), /^(502|204|304)$/);
        client.send(get("/bystander"));
        const next = await client.readResponse().catch(() => undefined);
        assert.ok(next === undefined || next.body.toString() === "hello\n");
        client.destroy();
      });
    }
  });
  it("resets behind each of 1,500 heads: each client is told, and nobody asks again and again", async () => {
    scene.rogue.become(once((id) => Buffer.concat([head(id), rstStream(id, 2)])));
    const asked = scene.rogue.requests;
    const REQUESTS = 1500;
    await scene.withstands(
      async (attack) => {
        const client = await scene.client(attack);
        for (let i = 0; i < REQUESTS / 50; i++) {
          const streams = Array.from({ length: 50 }, () => client.open({ ":path": "/rogue/" }));
          const results = await Promise.allSettled(streams.map(answerOf));
          for (const result of results)
            assert.ok(result.status === "rejected" || result.value.status === 502);
        }
      },
      { counters: { security_rapid_reset_tripped_total: 1 } },
    );
    assert.ok(scene.rogue.requests - asked <= 2 * REQUESTS, `${scene.rogue.requests - asked} requests`);
  });

  it("nothing but refusals to 200 requests gets each of them a bounded number of times", async () => {
    scene.rogue.become(once((id) => rstStream(id, 7)));
    const asked = scene.rogue.requests;
    await scene.withstands(
      async (attack) => {
        const client = await scene.client(attack);
        const answers = await Promise.all(Array.from({ length: 200 }, () => client.get("/rogue/")));
        for (const { status } of answers) assert.equal(status, 502);
      },
      { counters: { h2_upstream_streams_refused_total: 100 } },
    );
    assert.ok(scene.rogue.requests - asked <= 200 * 4, `${scene.rogue.requests - asked} requests`);
  });

  it("a window that stays shut, so that uploads stall: the client is told in time", async () => {
    scene.rogue.become(() => {}, { greeting: settings([4, 0]) });
    await scene.withstands(async (attack) => {
      const client = await scene.client(attack);
      const uploads = Array.from({ length: 10 }, () => client.post("/rogue/", Buffer.alloc(1024 * 1024)));
      for (const upload of await Promise.allSettled(uploads))
        assert.ok(upload.status === "rejected" || upload.value.status === 504, JSON.stringify(upload));
    });
  });

  it("something good again, once it does: the gateway holds no grudge", async () => {
    scene.rogue.become(
      once((id) => Buffer.concat([headers(id, [...OK, ["x-good", "yes"]]), data(id, "fine", { end: true })])),
    );
    await waitFor("the old sessions to go", () => scene.rogue.open === 0);
    const client = await RawClient.connect(scene.plain);
    const answer = await client.request(get("/rogue/"));
    assert.equal(answer.body.toString(), "fine");
    assert.equal(fieldValue(answer.fields, "x-good"), "yes");
    client.destroy();
  });
});

describe("a backend that breaks the rules with", { timeout: 120_000 }, () => {
  before(setScene);
  for (const [what, misdeed] of Object.entries(MISDEEDS)) it(what, async () => await survives(misdeed));
});
