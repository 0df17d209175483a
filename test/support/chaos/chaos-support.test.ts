/** The chaos test is worth what its checks are: they must see what they are there for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Random } from "../../fuzz/random.ts";
import { answersWhole, clientStays, planExchange } from "./exchange-plan.ts";
import { idOfRequestLine, requestWire, responseWire } from "./h1-wire.ts";
import { Ledger } from "./ledger.ts";
import { type MessageHandler, MessageReader } from "./message-reader.ts";
import { Pattern } from "./pattern.ts";

const SEED = 7;
const pattern = new Pattern(SEED);

class Recorder implements MessageHandler {
  readonly heads: string[] = [];
  readonly bodies: Buffer[] = [];
  garbage = "";
  ended = 0;
  #parts: Buffer[] = [];

  onHead(startLine: string): "close" {
    this.heads.push(startLine);
    this.#parts = [];
    return "close";
  }

  onBody(bytes: Buffer): void {
    this.#parts.push(Buffer.from(bytes));
  }

  onEnd(): void {
    this.ended++;
    this.bodies.push(Buffer.concat(this.#parts));
  }

  onGarbage(reason: string): void {
    this.garbage = reason;
  }
}

function read(bytes: Buffer, sizes: () => number): Recorder {
  const recorder = new Recorder();
  const reader = new MessageReader(recorder);
  for (let at = 0; at < bytes.length;) {
    const size = sizes();
    reader.feed(bytes.subarray(at, at + size));
    at += size;
  }
  return recorder;
}

describe("the pattern", () => {
  it("fits where it belongs and nowhere else", () => {
    const body = pattern.body(5, "request", 1000);
    assert.ok(pattern.fits(5, "request", 0, body));
    assert.ok(pattern.fits(5, "request", 400, body.subarray(400)));
    assert.ok(!pattern.fits(5, "request", 399, body.subarray(400)), "shifted by one");
    assert.ok(!pattern.fits(6, "request", 0, body), "of another exchange");
    assert.ok(!pattern.fits(5, "response", 0, body), "of the other direction");
    const wrong = Buffer.from(body);
    wrong[999] = (wrong[999] ?? 0) ^ 1;
    assert.ok(!pattern.fits(5, "request", 0, wrong), "with one bit turned");
  });
});

describe("the message reader", () => {
  it("reads what the wires hold, however they are cut", () => {
    const random = new Random(SEED);
    for (let id = 0; id < 300; id++) {
      const plan = planExchange(SEED, id);
      if (plan.responseFraming === "close" || plan.responseBytes > 70_000) continue;
      const wires = [requestWire(plan, pattern).bytes, responseWire(plan, pattern).bytes];
      const limit = random.pick([1, 100, 5000]);
      const bodies = [plan.requestBytes, plan.responseBytes];
      for (const [index, direction] of (["request", "response"] as const).entries()) {
        const wire = Buffer.concat([
          wires[index] ?? Buffer.alloc(0),
          Buffer.from("GET / HTTP/1.1\r\nA: b\r\n\r\n"),
        ]);
        if (plan.requestFraming === "none" && direction === "request") continue;
        const seen = read(wire, () => (wire.length > 20_000 ? 5000 : 1 + random.below(limit)));
        assert.equal(seen.garbage, "");
        assert.equal(seen.heads.length, 2, "the next message begins where this one ends");
        assert.equal(seen.ended, 1);
        assert.deepEqual(seen.bodies[0], pattern.body(id, direction, bodies[index] ?? 0));
      }
    }
  });

  it("sees no end in a message that was cut", () => {
    for (const framing of ["Content-Length: 10", "Transfer-Encoding: chunked"]) {
      const body = framing.startsWith("C") ? "0123456789" : "a\r\n0123456789\r\n0\r\n\r\n";
      const wire = Buffer.from(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${body}`);
      for (let size = 1; size < wire.length; size++)
        assert.equal(read(wire.subarray(0, size), () => size).ended, 0, `${framing}, ${size} bytes`);
      assert.equal(read(wire, () => wire.length).ended, 1);
    }
  });

  it("refuses what is no message", () => {
    for (const bytes of [
      "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    ]) {
      assert.notEqual(read(Buffer.from(bytes), () => 7).garbage, "", JSON.stringify(bytes));
    }
  });
});

describe("the plans", () => {
  it("follow from seed and number, and hold every fate", () => {
    const clients = new Set<string>();
    const backends = new Set<string>();
    for (let id = 0; id < 2000; id++) {
      const plan = planExchange(SEED, id);
      assert.deepEqual(planExchange(SEED, id), plan);
      clients.add(plan.clientFate);
      backends.add(plan.backendFate);
    }
    assert.equal(clients.size, 6);
    assert.equal(backends.size, 8);
    assert.notDeepEqual(planExchange(SEED, 1), planExchange(SEED + 1, 1));
  });

  it("that are calm promise a whole response", () => {
    for (let id = 0; id < 200; id++) {
      const plan = planExchange(SEED, id, true);
      assert.ok(answersWhole(plan) && clientStays(plan));
    }
  });

  it("are found again by the request line", () => {
    const line = requestWire(planExchange(SEED, 42), pattern).bytes.latin1Slice().split("\r\n")[0] ?? "";
    assert.equal(idOfRequestLine(line), 42);
    assert.equal(idOfRequestLine("GET /other HTTP/1.1"), -1);
  });
});

describe("the ledger", () => {
  const post = { ...planExchange(SEED, 1), method: "POST", requestBytes: 10 } as const;

  it("sees a request that is whole only at the backend", () => {
    const ledger = new Ledger();
    ledger.requestWhole(post, 10);
    assert.match(ledger.violations.join(), /looks whole but was cut/);
  });

  it("sees a request that lost bytes, and one that came twice", () => {
    const ledger = new Ledger();
    ledger.sentWhole(post);
    ledger.arrived(post);
    ledger.requestWhole(post, 9);
    assert.match(ledger.violations.join(), /9 of 10 bytes/);
    ledger.arrived(post);
    assert.match(ledger.violations.join(), /came 2 times/);
  });

  it("is content with what is right", () => {
    const ledger = new Ledger();
    ledger.sentWhole(post);
    ledger.arrived(post);
    ledger.requestWhole(post, 10);
    ledger.ended(post, "whole");
    assert.deepEqual(ledger.violations, []);
    ledger.ended(post, "stuck");
    assert.equal(ledger.violations.length, 1);
  });
});
