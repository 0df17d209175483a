/**
 * HTTP/2: header blocks that never end (CVE-2024-27316), grow when they are decoded (CVE-2016-6581), hold
 * nothing (CVE-2019-9516), are too large in one field or in all, or come where none may come.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { Flag, FrameType } from "../../src/wire/h2/frame/frame-type.ts";
import { AttackScene, ended } from "../support/attack-scene.ts";
import {
  block,
  data,
  type FieldList,
  fragments,
  frame,
  GET,
  headers,
  indexedLiteral,
  POST,
  string,
} from "../support/h2-dsl.ts";
import { pieces } from "../support/h2-attacker.ts";
import { GIVEN_UP } from "../support/h2-wire-peer.ts";
import { suiteScope } from "../support/suite.ts";

const MAX_LIST_BYTES = 65_536;
const MAX_FRAME = 16_384;
/** Frames that a flood would go on for: more than the buffers on the way hold. */
const ENDLESS = 1_000_000;

const scope = suiteScope();
let scene: AttackScene;
before(async () => {
  scene = await AttackScene.start(scope);
});

function continuation(payload: Uint8Array, last = false): Buffer {
  return frame(FrameType.continuation, last ? Flag.endHeaders : 0, 1, payload);
}

/** Fields of their own names, filling a frame. */
function uniqueFields(from: number): Buffer {
  const fields = Array.from({ length: 120 }, (_, i) => [`x-field-${from + i}`, "v".repeat(110)] as const);
  return block(fields).subarray(0, MAX_FRAME);
}

/** Huffman-coded: 30-bit codes, which are the most work for each octet that comes of them. */
const HUFFMAN_FIELD = Buffer.concat([
  Buffer.of(0),
  string("x"),
  Buffer.of(0x80 | 120),
  Buffer.from("fffffff0".repeat(30), "hex"),
]);

interface Endless {
  readonly metric: string;
  readonly reason: string;
  readonly part: (index: number) => Buffer;
}

const TOO_LONG = { metric: "hpack_bomb", reason: "a header block over its limit" };
const TOO_MANY = { metric: "continuation_flood", reason: "too many CONTINUATIONs" };

const ENDLESS_BLOCKS: Readonly<Record<string, Endless>> = {
  "16 KiB of fields": { ...TOO_LONG, part: (index) => continuation(uniqueFields(index * 120)) },
  "16 KiB of Huffman code": {
    ...TOO_LONG,
    part: () => continuation(Buffer.concat(Array<Buffer>(130).fill(HUFFMAN_FIELD))),
  },
  "one octet": { ...TOO_MANY, part: () => continuation(Buffer.of(0x82)) },
  nothing: { ...TOO_MANY, part: () => continuation(Buffer.alloc(0)) },
};

describe("header blocks without an end, in CONTINUATIONs with", { timeout: 120_000 }, () => {
  for (const [what, { metric, reason, part }] of Object.entries(ENDLESS_BLOCKS)) {
    for (const tls of [true, false]) {
      it(`${what}${tls ? ", over TLS" : ""}: end the connection`, async () => {
        const counters = { [`security_${metric}_tripped_total`]: 1, h2_goaway_sent_total: 1 };
        const log = ended(`ENHANCE_YOUR_CALM: ${reason}`);
        await scene.withstands(
          async (attack) => {
            const attacker = await scene.attacker(attack, { tls });
            attacker.send(frame(FrameType.headers, Flag.endStream, 1, block(GET)));
            assert.ok((await attacker.flood(part, ENDLESS)) < ENDLESS, "all of it was taken");
            assert.match(await attacker.end(), GIVEN_UP);
          },
          { counters, log },
        );
      });
    }
  }

  it("also on streams that were refused, and behind a body as trailers", async () => {
    const openings: Record<string, Buffer> = {
      "a stream that depends on itself": frame(
        FrameType.headers,
        Flag.priority,
        1,
        Buffer.concat([Buffer.from([0, 0, 0, 1, 16]), block(GET)]),
      ),
      trailers: Buffer.concat([headers(1, POST), data(1, "x"), frame(FrameType.headers, Flag.endStream, 1)]),
    };
    for (const [what, opening] of Object.entries(openings)) {
      await scene.withstands(
        async (attack) => {
          const attacker = await scene.attacker(attack, { tls: false });
          attacker.send(opening);
          assert.ok(
            (await attacker.flood((index) => continuation(uniqueFields(index * 120)), ENDLESS)) < ENDLESS,
            what,
          );
          assert.match(await attacker.end(), GIVEN_UP, what);
        },
        { counters: { security_hpack_bomb_tripped_total: 1 } },
      );
    }
  });

  it("that only pause are given up in time", async (t) => {
    const impatient = await AttackScene.start(t, { listener: { http: { header_timeout_ms: 500 } } });
    await impatient.withstands(
      async (attack) => {
        const attackers = await Promise.all([
          impatient.attacker(attack, { tls: true }),
          impatient.attacker(attack, { tls: false }),
        ]);
        for (const attacker of attackers) attacker.send(frame(FrameType.headers, 0, 1, block(GET)));
        for (const attacker of attackers) assert.match(await attacker.end(), GIVEN_UP);
      },
      { counters: { security_slowloris_reaped_total: 2 } },
    );
  });
});

describe("header blocks that grow", { timeout: 120_000 }, () => {
  /** One field of almost the table's size, and so many references to it. */
  function bomb(references: number): Buffer {
    return Buffer.concat([block(GET), indexedLiteral("x", "v".repeat(4000)), Buffer.alloc(references, 0xbe)]);
  }

  it("to 64 MiB end the connection", async () => {
    for (const tls of [true, false]) {
      await scene.withstands(
        async (attack) => {
          const attacker = await scene.attacker(attack, { tls });
          const whole = bomb(16_000);
          attacker.sendBlock(whole);
          assert.match(await attacker.end(), GIVEN_UP);
        },
        {
          counters: { security_hpack_bomb_tripped_total: 1, h2_goaway_sent_total: 1 },
          log: (line) => /ENHANCE_YOUR_CALM/.test(line.text),
        },
      );
    }
  });

  it("a little beyond the limit get 431, and the connection goes on in step", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true });
        for (let i = 0; i < 5; i++) assert.equal(await attacker.outcome(attacker.sendBlock(bomb(20))), "431");
        // The table is what it was made to be.
        const id = attacker.sendBlock(Buffer.concat([block(GET), Buffer.of(0xbe)]));
        assert.equal(await attacker.outcome(id), "200");
        const passed = await scene.backend.request((request) => request.field("x") !== undefined);
        assert.equal(passed.field("x")?.length, 4000);
      },
      { counters: { security_header_list_tripped_total: 5 } },
    );
  });

  it("in trailers reset their stream, or end the connection", async () => {
    for (const [references, expected] of [
      [20, /RST ENHANCE_YOUR_CALM/],
      [16_000, GIVEN_UP],
    ] as const) {
      await scene.withstands(async (attack) => {
        const attacker = await scene.attacker(attack, { tls: false });
        const trailers = bomb(references).subarray(block(GET).length);
        attacker.send(headers(1, POST), data(1, "x"), fragments(1, pieces(trailers)));
        assert.match(await attacker.outcome(1), expected);
      });
    }
  });

  it("by 4,000 crumbs of a cookie are refused", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true });
        const crumbs: FieldList = Array.from({ length: 4000 }, () => ["cookie", "a"]);
        assert.equal(await attacker.outcome(attacker.sendBlock(block([...GET, ...crumbs]))), "431");
      },
      { counters: { security_header_list_tripped_total: 1 } },
    );
  });

  it("by the largest table size updates, and wrong ones, change nothing", async () => {
    await scene.withstands(async (attack) => {
      for (const [bytes, expected] of [
        [Buffer.from("3fe11f", "hex"), "200"],
        [Buffer.from("3fe21f", "hex"), "GOAWAY COMPRESSION_ERROR"],
        [Buffer.from("3fffffffff0f", "hex"), "GOAWAY COMPRESSION_ERROR"],
        [Buffer.from("3fffffffffffffffffff01", "hex"), "GOAWAY COMPRESSION_ERROR"],
        [Buffer.from("202020", "hex"), "GOAWAY COMPRESSION_ERROR"],
      ] as const) {
        const attacker = await scene.attacker(attack, { tls: false });
        const outcome = await attacker.outcome(attacker.sendBlock(Buffer.concat([bytes, block(GET)])));
        // Many updates in front of a block are odd, and harmless.
        assert.ok(
          outcome === expected || (bytes[0] === 0x20 && outcome === "200"),
          `${bytes.toString("hex")}: ${outcome}`,
        );
      }
    });
  });
});

describe("fields", { timeout: 120_000 }, () => {
  it("without a name, in any spelling, are malformed, and nothing of them is kept", async () => {
    await scene.withstands(
      async (attack) => {
        const spellings: Record<string, [Buffer, RegExp]> = {
          "no name": [Buffer.from([0, 0, 1, 0x61]), /^RST PROTOCOL_ERROR$/],
          "no name, Huffman": [Buffer.from([0, 0x80, 1, 0x61]), /^RST PROTOCOL_ERROR$/],
          "neither name nor value": [Buffer.from([0, 0, 0]), /^RST PROTOCOL_ERROR$/],
          "neither, Huffman, indexed": [Buffer.from([0x40, 0x80, 0x80]), /^RST PROTOCOL_ERROR$/],
          "a name of padding": [Buffer.from([0, 0x81, 0xff, 1, 0x61]), /^GOAWAY COMPRESSION_ERROR$/],
          "a name of EOS": [Buffer.from([0, 0x84, 0xff, 0xff, 0xff, 0xff, 0]), /^GOAWAY COMPRESSION_ERROR$/],
        };
        for (const [what, [spelling, expected]] of Object.entries(spellings)) {
          const attacker = await scene.attacker(attack, { tls: false });
          const id = attacker.sendBlock(Buffer.concat([block(GET), spelling]));
          assert.match(await attacker.outcome(id), expected, what);
        }
      },
      { counters: {} },
    );
  });

  it("without a name in a flood end the connection", async () => {
    await scene.withstands(
      async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true });
        const bytes = Buffer.concat([block(GET), Buffer.from([0x40, 0x80, 0x80])]);
        assert.ok((await attacker.flood((index) => fragments(1 + 2 * index, [bytes]), ENDLESS)) < ENDLESS);
        assert.match(await attacker.end(), GIVEN_UP);
      },
      { counters: { security_rapid_reset_tripped_total: 1 } },
    );
  });

  it("of any kind count against one limit: one below passes, one above does not", async () => {
    for (const name of [":authority", "host", ":path", "x-long", "cookie"]) {
      await scene.withstands(async (attack) => {
        for (const [bytes, expected] of [
          [3000, /^(200|400|414)$/],
          [MAX_LIST_BYTES, /^(431|414|400|RST PROTOCOL_ERROR)$/],
          [10 * MAX_LIST_BYTES, /^(GOAWAY ENHANCE_YOUR_CALM|closed)$/],
        ] as const) {
          const attacker = await scene.attacker(attack, { tls: true });
          const value = name === ":path" ? `/${"p".repeat(bytes)}` : "a".repeat(bytes);
          const others = GET.filter(
            ([other]) => other !== name && !(name === "host" && other === ":authority"),
          );
          const id = attacker.sendBlock(block([...others, [name, value]]));
          assert.match(await attacker.outcome(id), expected, `${name} of ${bytes}`);
        }
      });
    }
  });

  it("of exactly the limit pass, of one octet more get 431, also in the host", async () => {
    const base = (name: string): FieldList => [...GET.slice(0, 2), [":path", "/"], [name, ""]];
    for (const name of [":authority", "host"]) {
      await scene.withstands(async (attack) => {
        const attacker = await scene.attacker(attack, { tls: true });
        const size = base(name).reduce((sum, [field, value]) => sum + field.length + value.length + 32, 0);
        const results = [];
        for (const bytes of [MAX_LIST_BYTES - size, MAX_LIST_BYTES - size + 1]) {
          const fields = base(name).map(
            ([field, value]) => [field, field === name ? "a".repeat(bytes) : value] as const,
          );
          results.push(await attacker.outcome(attacker.sendBlock(block(fields))));
        }
        assert.deepEqual(results, ["400", "431"], name);
      });
    }
  });
});

describe("heads in the wrong place", { timeout: 60_000 }, () => {
  it("a second one without END_STREAM resets the stream, whatever follows", async () => {
    await scene.withstands(async (attack) => {
      const attacker = await scene.attacker(attack, { tls: true });
      for (let i = 0; i < 20; i++) {
        const id = attacker.nextId;
        attacker.nextId += 2;
        attacker.send(
          headers(id, POST),
          data(id, "body"),
          headers(id, [["x-trailer", "1"]]),
          data(id, "more", { end: true }),
          headers(id, [["x-again", "1"]], { end: true }),
        );
        assert.equal(await attacker.outcome(id), "RST PROTOCOL_ERROR");
      }
      assert.equal(await attacker.ask(GET), "200");
    });
  });

  it("behind the end of a refused request whose answer waits for a window reset the stream", async () => {
    for (const tls of [true, false]) {
      await scene.withstands(async (attack) => {
        const attacker = await scene.attacker(attack, { tls, settings: [[4, 0]] });
        attacker.send(
          headers(1, [...GET, ["host", "other.example"]], { end: true }),
          headers(1, GET, { end: true }),
          headers(3, [...POST, ["content-length", "99999999999"]]),
          headers(3, [["x-sum", "1"]], { end: true }),
          headers(3, [["x-sum", "1"]], { end: true }),
        );
        assert.equal(await attacker.outcome(1), "400 cut");
        assert.equal(await attacker.outcome(3), "413 cut");
      });
    }
  });

  it("interrupted by any other frame end the connection", async () => {
    for (const type of [FrameType.data, FrameType.ping, FrameType.settings, FrameType.headers, 0xbb]) {
      await scene.withstands(
        async (attack) => {
          const attacker = await scene.attacker(attack, { tls: false });
          attacker.send(frame(FrameType.headers, Flag.endStream, 1, block(GET)), frame(type, 0, 1, ""));
          assert.match(await attacker.end(), /^GOAWAY (PROTOCOL_ERROR|FRAME_SIZE_ERROR)$/, String(type));
        },
        { counters: { h2_goaway_sent_total: 1 } },
      );
    }
  });
});
