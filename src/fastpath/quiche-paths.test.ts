import assert from "node:assert/strict";
import { test } from "node:test";
import { QuichePaths } from "./quiche-paths.ts";
import { address } from "./quic-engine-peers.contract.ts";
import type { UdpPath } from "./udp.ts";

const LOCAL = address("192.0.2.1", 443);

function from(host: string, port: number): UdpPath {
  return { local: LOCAL, remote: address(host, port) };
}

test("where packets went is told by the object that was given", () => {
  const first = from("198.51.100.1", 1);
  const second = from("2001:db8::7:8", 2);
  const paths = new QuichePaths(first, false);
  assert.equal(paths.sent, first);
  assert.deepEqual(paths.received(second), {
    from: { host: "2001:db8::7:8", port: 2 },
    to: { host: "192.0.2.1", port: 443 },
  });
  paths.setSent({ host: "192.0.2.1", port: 443 }, { host: "2001:db8::7:8", port: 2 });
  assert.equal(paths.sent, second);
  // Another spelling, as other programs have it.
  assert.equal(
    paths.between({ host: "192.0.2.1", port: 443 }, { host: "2001:db8:0:0::7:8", port: 2 }),
    second,
  );
  paths.setSent({ host: "192.0.2.1", port: 443 }, { host: "198.51.100.1", port: 1 });
  assert.equal(paths.sent, first);
});

test("equal addresses give the same object for quiche, packet for packet", () => {
  const paths = new QuichePaths(from("198.51.100.1", 1), false);
  const info = paths.received(from("198.51.100.1", 1));
  assert.equal(paths.received(from("198.51.100.1", 1)), info);
  assert.notEqual(paths.received(from("198.51.100.1", 2)), info);
});

test("a path that is fixed takes nothing from anywhere else", () => {
  const paths = new QuichePaths(from("198.51.100.1", 1), true);
  assert.equal(paths.received(from("198.51.100.1", 2)), null);
  assert.equal(paths.received(from("198.51.100.2", 1)), null);
  assert.equal(
    paths.received({ local: address("192.0.2.2", 443), remote: address("198.51.100.1", 1) }),
    null,
  );
  assert.notEqual(paths.received(from("198.51.100.1", 1)), null);
});

test("a peer that is everywhere does not fill the memory, and the first path stays known", () => {
  const first = from("198.51.100.1", 1);
  const paths = new QuichePaths(first, false);
  const info = paths.received(first);
  for (let port = 2; port < 1000; port++) assert.notEqual(paths.received(from("198.51.100.1", port)), null);
  assert.equal(paths.received(from("198.51.100.1", 1)), info);
  const forgotten = paths.between({ host: "192.0.2.1", port: 443 }, { host: "198.51.100.1", port: 2 });
  assert.equal(forgotten.remote.port, 2);
  assert.deepEqual([...forgotten.remote.words], [...first.remote.words]);
});
