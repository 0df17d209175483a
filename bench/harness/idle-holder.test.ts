/** Idle connections are divided among processes and source addresses, and none is lost or doubled. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { split } from "./idle-holder.ts";

const TARGET = { host: "127.0.0.1", port: 80 };

describe("split", () => {
  it("gives each process its share, from addresses of its own", () => {
    for (const connections of [1, 200, 10_000, 50_000, 50_001]) {
      const orders = split(TARGET, connections, 3);
      assert.equal(
        orders.reduce((sum, order) => sum + order.connections, 0),
        connections,
      );
      const addresses = orders.flatMap(({ localAddresses }) => localAddresses);
      assert.equal(new Set(addresses).size, addresses.length, "no two have an address in common");
    }
  });

  it("leaves each address free ports", () => {
    for (const { connections, localAddresses } of split(TARGET, 50_000, 0)) {
      assert.ok(connections / localAddresses.length <= 5000);
    }
  });

  it("tells holders apart by their addresses", () => {
    const [first] = split(TARGET, 10, 0);
    const [second] = split(TARGET, 10, 1);
    assert.notDeepEqual(first?.localAddresses, second?.localAddresses);
  });
});
