import assert from "node:assert/strict";
import { test } from "node:test";
import { AUTO_ORDER, chooseTransport, type TransportKind, type TransportProbe } from "./choose-transport.ts";

const KINDS: readonly TransportKind[] = ["net", "epoll", "io_uring"];

/** Everything runs but what has a reason here. */
function machine(
  reasons: Partial<Record<TransportKind, string>>,
  asked: TransportKind[] = [],
): TransportProbe {
  return (kind) => {
    asked.push(kind);
    return reasons[kind] ?? "";
  };
}

test("auto takes the first of its order that runs, and asks no further", () => {
  const asked: TransportKind[] = [];
  assert.deepEqual(chooseTransport("auto", machine({}, asked)), {
    kind: "chosen",
    choice: { kind: AUTO_ORDER[0], reason: "" },
  });
  assert.deepEqual(asked, AUTO_ORDER.slice(0, 1));
});

test("auto steps down to node:net with the reason", () => {
  const probe = machine({ epoll: "no addon", io_uring: "no addon" });
  const decision = chooseTransport("auto", probe);
  assert.deepEqual(decision, { kind: "chosen", choice: { kind: "net", reason: "epoll: no addon" } });
});

test("auto ends with what runs everywhere", () => {
  assert.equal(AUTO_ORDER.at(-1), "net");
  assert.equal(new Set(AUTO_ORDER).size, AUTO_ORDER.length);
});

test("where nothing runs, all reasons are told", () => {
  const decision = chooseTransport("auto", () => "broken");
  assert.equal(decision.kind, "refused");
  assert.equal(decision.reason, AUTO_ORDER.map((kind) => `${kind}: broken`).join("; "));
});

for (const kind of KINDS) {
  test(`${kind} by name is taken when it runs, and refused when it does not`, () => {
    const asked: TransportKind[] = [];
    assert.deepEqual(chooseTransport(kind, machine({}, asked)), {
      kind: "chosen",
      choice: { kind, reason: "" },
    });
    assert.deepEqual(asked, [kind]);
    const decision = chooseTransport(kind, machine({ [kind]: "blocked" }));
    assert.deepEqual(decision, { kind: "refused", reason: "blocked" });
  });
}
