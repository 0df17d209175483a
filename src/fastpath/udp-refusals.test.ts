import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { waitFor } from "../../test/support/wait-for.ts";
import { parseIp } from "../base/ip.ts";
import type { UdpAddress } from "./udp.ts";
import { UdpRefusals } from "./udp-refusals.ts";

const BOUND = { timeout: 20_000 };

function address(host: string, port: number): UdpAddress {
  const words = new Uint32Array(4);
  parseIp(host, words);
  return { words, port };
}

async function bound(host: string): Promise<Socket> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.bind(0, host);
  await once(socket, "listening");
  return socket;
}

async function closedPort(host: string): Promise<number> {
  const socket = await bound(host);
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

for (const host of ["127.0.0.1", "::1"]) {
  test(`${host}: a closed port is told of, once to each who asks`, BOUND, async () => {
    const refusals = new UdpRefusals();
    const remote = address(host, await closedPort(host));
    const told = [0, 0];
    const first = (): void => void (told[0] = (told[0] ?? 0) + 1);
    refusals.ask(remote, first);
    refusals.ask(remote, first);
    refusals.ask(remote, () => void (told[1] = (told[1] ?? 0) + 1));
    assert.equal(refusals.asking, 1);
    assert.deepEqual(told, [0, 0], "not within the call");
    await waitFor("the answer", () => told[1] === 1);
    assert.deepEqual(told, [1, 1]);
    assert.equal(refusals.asking, 0);
  });

  test(`${host}: an open port gets one octet that nobody answers, and nobody is told`, BOUND, async () => {
    const refusals = new UdpRefusals(200);
    const server = await bound(host);
    const heard: Buffer[] = [];
    server.on("message", (bytes) => heard.push(bytes));
    let told = 0;
    refusals.ask(address(host, server.address().port), () => (told += 1));
    await waitFor("the octet", () => heard.length === 1);
    await waitFor("the end of the question", () => refusals.asking === 0);
    assert.deepEqual(heard, [Buffer.of(0x40)]);
    assert.equal(told, 0);
    server.close();
  });
}

test("an address without a route is no refusal", BOUND, async () => {
  const refusals = new UdpRefusals(200);
  let told = 0;
  // Reserved; the kernel refuses to send there.
  refusals.ask(address("255.255.255.255", 9), () => (told += 1));
  await waitFor("the end of the question", () => refusals.asking === 0);
  assert.equal(told, 0);
});

test("no more than so many sockets are open, and none is when it is closed", BOUND, async () => {
  const refusals = new UdpRefusals();
  const server = await bound("127.0.0.1");
  let told = 0;
  for (let host = 1; host < 200; host++)
    refusals.ask(address(`127.0.1.${host}`, server.address().port), () => (told += 1));
  assert.equal(refusals.asking, 64);
  refusals.close();
  assert.equal(refusals.asking, 0);
  server.close();
  await once(server, "close");
  assert.equal(told, 0);
});
