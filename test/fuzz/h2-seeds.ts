/** Connections to start from, as lists of frames behind the preface: what clients send, and what servers answer. */
import { FRAME_HEADER_BYTES } from "../../src/wire/h2/frame/frame-type.ts";
import * as h2 from "../support/h2-dsl.ts";

export type Frames = readonly Buffer[];

const { GET, POST } = h2;
const OK: h2.FieldList = [[":status", "200"]];
const TUNNEL: h2.FieldList = [[":method", "CONNECT"], [":protocol", "websocket"], ...GET.slice(1)];

export const REQUESTS: readonly Frames[] = [
  [
    h2.headers(1, GET, { end: true }),
    h2.headers(3, POST),
    h2.data(3, "abc"),
    h2.data(3, "def", { end: true }),
  ],
  [
    h2.headers(1, [...POST, ["content-length", "6"]]),
    h2.data(1, "abc", { pad: 3 }),
    h2.data(1, "def"),
    h2.headers(1, [["x-sum", "7"]], { end: true }),
  ],
  [
    ...split(h2.fragments(1, [h2.block(GET).subarray(0, 9), h2.block(GET).subarray(9)], true)),
    h2.headers(3, GET, { end: true, pad: 7 }),
    h2.priority(5, 3),
    h2.priorityUpdate(7, "u=1, i"),
    h2.headers(7, [...GET, ["priority", "u=5"]], { end: true }),
  ],
  [h2.headers(1, TUNNEL), h2.data(1, "frames"), h2.windowUpdate(1, 1000), h2.data(1, "", { end: true })],
  [
    h2.settings([0x4, 0], [0x1, 0]),
    h2.headers(1, GET, { end: true }),
    h2.ping(),
    h2.settings([0x4, 100_000], [0x1, 4096]),
    h2.windowUpdate(0, 100_000),
    h2.windowUpdate(1, 1),
    h2.rstStream(1, 8),
    h2.goAway(0, 0, "bye"),
  ],
  [
    h2.headers(
      1,
      [...POST, ["cookie", "a=b"], ["te", "trailers"], ["expect", "100-continue"], ["cookie", "c=d"]],
      { end: false },
    ),
    h2.SETTINGS_ACK,
    h2.data(1, "x".repeat(300), { end: true }),
    h2.headers(3, [...GET, ["host", "example.com"], ["x_under", "score"]], { end: true }),
  ],
  [
    h2.frame(0x1, 0x5, 1, Buffer.concat([h2.block(GET), h2.indexedLiteral("x-indexed", "value")])),
    h2.frame(0x1, 0x5, 3, Buffer.concat([h2.block(GET), Buffer.of(0xbe)])),
    h2.frame(0x1, 0x25, 5, Buffer.concat([h2.uint32(3), Buffer.of(15), h2.block(GET)])),
    h2.frame(0xbb, 0, 1, "unknown"),
  ],
];

/** Of a server that has been asked on streams 1 (GET), 3 (POST), 5 (HEAD) and 7 (a tunnel). */
export const RESPONSES: readonly Frames[] = [
  [h2.headers(1, OK), h2.data(1, "abc"), h2.data(1, "def", { end: true }), h2.headers(3, OK, { end: true })],
  [
    h2.headers(1, [
      [":status", "103"],
      ["link", "</a.css>"],
    ]),
    h2.headers(1, [...OK, ["content-length", "6"]]),
    h2.data(1, "abcdef", { pad: 2 }),
    h2.headers(1, [["x-sum", "7"]], { end: true }),
  ],
  [
    h2.headers(5, [...OK, ["content-length", "10"]], { end: true }),
    h2.headers(7, OK),
    h2.data(7, "frames"),
    h2.data(7, "", { end: true }),
    h2.headers(3, [[":status", "204"]], { end: true }),
  ],
  [
    h2.settings([0x3, 1], [0x4, 10], [0x8, 1]),
    h2.rstStream(3, 7),
    h2.windowUpdate(0, 1000),
    h2.ping("abcdefgh"),
    h2.goAway(1, 0, "bye"),
    h2.headers(
      1,
      [
        [":status", "304"],
        ["content-length", "9"],
      ],
      { end: true },
    ),
  ],
  [
    ...split(h2.fragments(3, [h2.block(OK), h2.block([["set-cookie", "a=b"]])], false)),
    h2.data(3, "x".repeat(300), { end: true }),
    h2.rstStream(3, 0),
  ],
];

function split(frames: Buffer): Buffer[] {
  const list: Buffer[] = [];
  for (let at = 0; at < frames.length;) {
    const end = at + FRAME_HEADER_BYTES + frames.readUIntBE(at, 3);
    list.push(frames.subarray(at, end));
    at = end;
  }
  return list;
}
