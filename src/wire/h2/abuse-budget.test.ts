import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as h2 from "../../../test/support/h2-dsl.ts";
import {
  type EndpointOptions,
  H2Endpoint,
  requestHead,
  responseHead,
} from "../../../test/support/h2-endpoint.ts";
import type { BudgetKind } from "../multiplexed/abuse-budget.ts";
import { BUDGET_KINDS } from "../multiplexed/abuse-budget.ts";

const { GET, POST } = h2;
const CLIENT: EndpointOptions = { role: "client" };

/** Both roles, as a backend is a peer, too. A client has a stream that is open. */
const ROLES: readonly EndpointOptions[] = [{}, CLIENT];

const tripped = new Set<BudgetKind>();

/** A peer whose stream 1 is open, in either role. */
function endpoint(options: EndpointOptions = {}): H2Endpoint {
  const made = H2Endpoint.settled(options);
  if (options.role === "client") made.connection.openStream(requestHead("POST", "/", 9), false, {});
  else made.receive(h2.headers(1, POST));
  if (options.role === "client") made.receive(h2.headers(1, [[":status", "200"]]));
  made.events();
  made.frames();
  return made;
}

/** Sends what `make` gives, one after the other, without reading anything, until the connection fails. */
function flood(peer: H2Endpoint, most: number, make: (i: number) => Buffer): number {
  let i = 0;
  while (peer.connection.open && i < most) peer.receive(make(i++));
  return i;
}

function checkTripped(peer: H2Endpoint, kind: BudgetKind): void {
  const last = peer.events().at(-1) ?? "";
  assert.match(last, /^failed ENHANCE_YOUR_CALM/);
  assert.ok(last.endsWith(`[${kind}]`), last);
  assert.match(peer.frames().at(-1) ?? "", /ENHANCE_YOUR_CALM$/);
  assert.equal(peer.connection.streamCount, 0);
  tripped.add(kind);
}

/** So many trip the budget, in each role; as many spread over a minute, a little below the rate, do not. */
function checkRate(kind: BudgetKind, most: number, perMinute: number, make: (i: number) => Buffer): void {
  for (const role of ROLES) {
    const peer = endpoint(role);
    const sent = flood(peer, most + 1, make);
    assert.ok(sent <= most, `${sent} of ${most}`);
    checkTripped(peer, kind);
    const calm = endpoint(role);
    for (let i = 0; i < perMinute; i++) {
      calm.clock.nowMs += 60_000 / perMinute;
      calm.receive(make(i));
      calm.frames();
    }
    assert.equal(calm.connection.open, true, `${kind} below its rate`);
  }
}

describe("budgets trip, and stay out of the way of what is below them", () => {
  it("resets by the client: HEADERS and RST_STREAM, and variants", () => {
    const variants: ((id: number) => Buffer)[] = [
      (id) => Buffer.concat([h2.headers(id, GET, { end: true }), h2.rstStream(id, 8)]),
      (id) => Buffer.concat([h2.headers(id, POST), h2.rstStream(id, 8)]),
      (id) => Buffer.concat([h2.headers(id, POST), h2.data(id, "x"), h2.rstStream(id, 8)]),
    ];
    for (const make of variants) {
      const server = H2Endpoint.settled();
      assert.equal(
        flood(server, 1000, (i) => make(2 * i + 1)),
        101,
      );
      checkTripped(server, "resets");
    }
  });

  it("resets by the client in one batch behind many requests", () => {
    const server = H2Endpoint.settled();
    const ids = Array.from({ length: 150 }, (_, i) => 2 * i + 1);
    server.receive(
      ...ids.map((id) => h2.headers(id, GET, { end: true })),
      ...ids.map((id) => h2.rstStream(id, 8)),
    );
    checkTripped(server, "resets");
  });

  it("resets that we must send for the client's mistakes, in the same budget", () => {
    const malformed = H2Endpoint.settled();
    assert.equal(
      flood(malformed, 1000, (i) => h2.headers(2 * i + 1, [...GET, ["te", "x"]], { end: true })),
      101,
    );
    checkTripped(malformed, "resets");
    const refused = H2Endpoint.settled({ limits: { maxConcurrentStreams: 1 } });
    assert.equal(
      flood(refused, 1000, (i) => h2.headers(2 * i + 1, POST)),
      102,
    );
    checkTripped(refused, "resets");
    // Half of each is as much as all of one.
    const mixed = H2Endpoint.settled();
    const made = (i: number): Buffer => {
      const id = 2 * i + 1;
      if (i % 2 === 0) return h2.headers(id, [...GET, ["te", "x"]], { end: true });
      return Buffer.concat([h2.headers(id, GET), h2.rstStream(id, 8)]);
    };
    assert.equal(flood(mixed, 1000, made), 101);
    checkTripped(mixed, "resets");
  });

  it("resets that the client makes us send by legal frames on a stream that is answered (CVE-2025-8671)", () => {
    const causes: ((id: number) => Buffer)[] = [
      (id) => h2.windowUpdate(id, 0),
      (id) => h2.windowUpdate(id, 2 ** 31 - 1),
      (id) => h2.headers(id, [["a", "b"]]),
      (id) => h2.data(id, "longer than it said"),
    ];
    for (const cause of causes) {
      const server = H2Endpoint.settled();
      const made = (i: number): Buffer =>
        Buffer.concat([h2.headers(2 * i + 1, [...POST, ["content-length", "3"]]), cause(2 * i + 1)]);
      assert.equal(flood(server, 1000, made), 101);
      checkTripped(server, "resets");
    }
  });

  it("resets of half of all streams, or slower than the rate, are nobody's attack", () => {
    const busy = H2Endpoint.settled();
    for (let i = 0; i < 1000; i++) {
      const id = 2 * i + 1;
      busy.receive(h2.headers(id, GET, { end: true }));
      if (i % 2 === 0) {
        busy.connection.sendHead(busy.stream(id), responseHead(204, 0), true);
        busy.connection.sendEnd(busy.stream(id), null);
      } else {
        busy.receive(h2.rstStream(id, 8));
      }
    }
    assert.equal(busy.connection.open, true);
    const slow = H2Endpoint.settled();
    for (let i = 0; i < 500; i++) {
      slow.clock.nowMs += 101;
      slow.receive(h2.headers(2 * i + 1, GET, { end: true }), h2.rstStream(2 * i + 1, 8));
    }
    assert.equal(slow.connection.open, true);
  });

  it("resets by a backend", () => {
    const client = H2Endpoint.settled(CLIENT);
    const sent = flood(client, 1000, (i) => {
      client.connection.openStream(requestHead("GET", "/"), true, {});
      return h2.rstStream(2 * i + 1, 2);
    });
    assert.equal(sent, 101);
    checkTripped(client, "resets");
  });

  it("SETTINGS", () => {
    checkRate("settings", 101, 540, () => h2.settings());
    checkRate("settings", 101, 540, () => h2.goAway(2 ** 31 - 1, 0));
    checkRate("settings", 101, 540, () => h2.SETTINGS_ACK);
    const many = Array.from({ length: 2730 }, () => [0x99, 1] as const);
    checkRate("settings", 2, 6, () => h2.settings(...many));
  });

  it("PING, whose answers are not read", () => {
    checkRate("ping", 51, 270, () => h2.ping());
    checkRate("ping", 51, 270, () => h2.ping("unasked ", true));
  });

  it("PING is paid for by data: one for each frame", () => {
    const server = endpoint();
    for (let i = 0; i < 1000; i++) server.receive(h2.data(1, "x"), h2.ping());
    assert.equal(server.connection.open, true);
  });

  it("empty frames: DATA, padded DATA, HEADERS, CONTINUATION, unknown types", () => {
    checkRate("empty_frames", 101, 540, () => h2.data(1, ""));
    checkRate("empty_frames", 101, 540, () => h2.data(1, "", { pad: 100 }));
    checkRate("empty_frames", 101, 540, () => h2.frame(0x42, 0, 0, "x"));
    const server = H2Endpoint.settled();
    const made = (i: number): Buffer => h2.fragments(2 * i + 1, [Buffer.alloc(0), h2.block(GET)]);
    assert.equal(flood(server, 1000, made), 101);
    checkTripped(server, "empty_frames");
  });

  it("PRIORITY and PRIORITY_UPDATE", () => {
    checkRate("priority", 501, 1080, (i) => h2.priority(2 * i + 1, 0));
    const server = endpoint();
    assert.equal(
      flood(server, 1000, () => h2.priorityUpdate(1, "u=1")),
      501,
    );
    checkTripped(server, "priority");
  });

  it("WINDOW_UPDATE by a few octets, each of which forces a tiny frame", () => {
    const dribble = (i: number): Buffer => h2.windowUpdate(2 * (i % 10) + 1, 1);
    const server = H2Endpoint.settled();
    server.receive(h2.settings([0x4, 0]));
    for (let i = 0; i < 10; i++) {
      server.receive(h2.headers(2 * i + 1, GET, { end: true }));
      server.connection.sendHead(server.stream(2 * i + 1), responseHead(200, -1), false);
      server.connection.sendData(server.stream(2 * i + 1), Buffer.alloc(50_000), 0, 50_000);
    }
    const sent = flood(server, 5000, dribble);
    assert.ok(sent > 1000 && sent <= 1041, String(sent));
    checkTripped(server, "window_updates");
    checkRate("window_updates", 1001, 5400, () => h2.windowUpdate(1, 1));
  });

  it("WINDOW_UPDATE of a client that acknowledges every frame on stream and connection is well below", () => {
    const server = endpoint();
    const { connection } = server;
    connection.sendHead(server.stream(1), responseHead(200, -1), false);
    for (let i = 0; i < 5000; i++) {
      // Messages of a few octets, as a chat or gRPC stream has them.
      connection.sendData(server.stream(1), Buffer.from("short"), 0, 5);
      server.receive(h2.windowUpdate(1, 5), h2.windowUpdate(0, 5));
    }
    assert.equal(connection.open, true);
  });

  it("frames on streams that are over", () => {
    for (const role of ROLES) {
      const peer = endpoint(role);
      peer.connection.reset(peer.stream(1), 8);
      flood(peer, 2000, () => h2.rstStream(1, 8));
      checkTripped(peer, "closed_streams");
      const headers = endpoint(role);
      headers.connection.reset(headers.stream(1), 8);
      flood(headers, 2000, () => h2.headers(1, [["a", "b"]], { end: true }));
      checkTripped(headers, "closed_streams");
    }
  });

  it("CONTINUATION: too many frames, or too many octets", () => {
    for (const role of ROLES) {
      const begun = h2.frame(0x1, 0, 1, h2.block([["a", "b"]]));
      const one = endpoint(role);
      one.receive(begun);
      const sent = flood(one, 1000, () => h2.frame(0x9, 0, 1, h2.block([["c", "d"]])));
      assert.ok(sent <= 21, String(sent));
      checkTripped(one, "continuations");
      const large = endpoint(role);
      large.receive(begun);
      const octets = h2.block([["e", "f".repeat(16_000)]]);
      assert.ok(flood(large, 1000, () => h2.frame(0x9, 0, 1, octets)) <= 6);
      checkTripped(large, "header_block");
    }
  });

  it("a list that decodes to many times its limit", () => {
    for (const role of ROLES) {
      const peer = endpoint(role);
      const entry = Buffer.concat([
        Buffer.from("\x40\x01a", "latin1"),
        lengthOf(4000),
        Buffer.alloc(4000, "b"),
      ]);
      peer.receive(h2.frame(0x1, 0x5, 1, Buffer.concat([entry, Buffer.alloc(12_000, 0xbe)])));
      checkTripped(peer, "header_block");
    }
  });

  it("answers that are not read", () => {
    const server = endpoint();
    server.sink.highWaterBytes = 65_536;
    server.connection.sendHead(server.stream(1), responseHead(200, -1), false);
    const fields = Array.from({ length: 100 }, (_, i): [string, string] => [`x-${i}`, "y".repeat(9000)]);
    for (const id of [3, 5, 7]) server.receive(h2.headers(id, GET, { end: true }));
    for (const id of [3, 5, 7])
      server.connection.sendHead(server.stream(id), responseHead(200, -1, fields), false);
    assert.equal(server.connection.open, true);
    server.receive(h2.ping());
    checkTripped(server, "unread_control");
  });

  it("have a test each", () => {
    assert.deepEqual(
      BUDGET_KINDS.filter((kind) => !tripped.has(kind)),
      [],
    );
  });
});

describe("a client that opens streams and reads nothing", () => {
  it("is refused more streams, and then told to calm down", () => {
    const server = H2Endpoint.settled();
    server.sink.highWaterBytes = 65_536;
    const page = Buffer.alloc(2000, "x");
    let id = -1;
    while (server.connection.open && id < 20_000) {
      id += 2;
      server.receive(h2.headers(id, GET, { end: true }));
      if (!server.connection.open || !server.events().includes(`${id} end`)) continue;
      server.connection.sendHead(server.stream(id), responseHead(200, page.length), false);
      server.connection.sendData(server.stream(id), page, 0, page.length);
      server.connection.sendEnd(server.stream(id), null);
    }
    assert.equal(server.connection.open, false);
    assert.ok(server.sink.queuedBytes() < 1_200_000);
  });
});

/** The length of a string without Huffman code, RFC 7541 section 5.1. */
function lengthOf(value: number): Buffer {
  const rest = value - 127;
  return Buffer.of(127, (rest % 128) + 128, Math.floor(rest / 128));
}
