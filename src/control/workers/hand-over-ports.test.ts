import assert from "node:assert/strict";
import { test } from "node:test";
import type { ToWorker } from "../../proxy/control-messages.ts";
import { HandOverPorts } from "./hand-over-ports.ts";

function told(message: ToWorker | null): string {
  if (message?.kind !== "peers") return "nothing";
  return `${message.ports.join()} to ${message.takers.join()}`;
}

test("what changes is told once", () => {
  const ports = new HandOverPorts(3);
  assert.equal(told(ports.takeNews()), "nothing");
  assert.equal(told(ports.message), "0,0,0 to ");
  ports.set(0, 4000);
  ports.set(2, 4002);
  assert.equal(told(ports.takeNews()), "4000,0,4002 to 0,2");
  ports.set(2, 4002);
  assert.equal(told(ports.takeNews()), "nothing");
});

test("a worker that leaves keeps its port, and gets no new clients; its successor is a new worker", () => {
  const ports = new HandOverPorts(2);
  ports.set(0, 4000);
  ports.set(1, 4001);
  ports.leaves(1);
  assert.equal(told(ports.takeNews()), "4000,4001 to 0");
  ports.gone(1);
  assert.equal(told(ports.takeNews()), "4000,0 to 0");
  ports.set(1, 4002);
  assert.equal(told(ports.takeNews()), "4000,4002 to 0,1");
});

test("without QUIC nobody hears anything, whoever leaves", () => {
  const ports = new HandOverPorts(2);
  ports.set(0, 0);
  ports.leaves(0);
  ports.gone(0);
  assert.equal(told(ports.takeNews()), "nothing");
});

test("the secret is the same for all workers, and no other gateway's", () => {
  const secretOf = ({ message }: HandOverPorts): string =>
    message.kind === "peers" ? Buffer.from(message.secret).toString("hex") : "";
  const ports = new HandOverPorts(1);
  const before = secretOf(ports);
  assert.equal(before.length, 32);
  ports.set(0, 4000);
  assert.equal(secretOf(ports), before);
  assert.notEqual(secretOf(new HandOverPorts(1)), before);
});
