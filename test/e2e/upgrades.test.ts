/** Upgrades to protocols that the gateway does not know: only where a router allows them, and then bytes both ways. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { freePort, HOST } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { RawClient } from "../support/raw-client.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: acme-tunnel/1\r\n\r\n";
const PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain";

interface Acme {
  readonly gateway: Gateway;
  readonly port: number;
  /** Connections that have switched, and what came on them. */
  readonly tunnels: { readonly socket: Socket; received: string; ended: boolean }[];
}

/** A server that switches whenever it is asked to, before which one route lets clients ask. */
async function start(t: TestContext): Promise<Acme> {
  const tunnels: Acme["tunnels"] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.once("data", (head) => {
      if (!/\r\nupgrade: acme-tunnel\/1\r\n/i.test(head.toString("latin1"))) {
        socket.end(PLAIN);
        return;
      }
      const tunnel = { socket, received: "", ended: false };
      tunnels.push(tunnel);
      socket.on("data", (bytes) => (tunnel.received += bytes.toString("latin1")));
      socket.on("end", () => (tunnel.ended = true));
      socket.write(SWITCHING);
    });
  });
  const backendPort = await freePort();
  server.listen(backendPort, HOST);
  await once(server, "listening");
  t.after(() => {
    for (const { socket } of tunnels) socket.destroy();
    server.close();
  });
  const port = await freePort();
  const gateway = await Gateway.start(t, {
    listeners: [h1Listener(port, [])],
    routers: {
      acme: { rule: "PathPrefix(`/acme`)", service: "app", allow_upgrades: ["acme-tunnel/1"] },
      rest: { rule: "PathPrefix(`/`)", service: "app" },
    },
    services: { app: { backends: [{ address: `${HOST}:${backendPort}`, protocol: "h1" }] } },
  });
  return { gateway, port, tunnels };
}

const ASK = ["Connection: Upgrade", "Upgrade: acme-tunnel/1"];

describe("an upgrade that a router allows", { timeout: 60_000 }, () => {
  it("makes a tunnel, whose directions end each by itself", async (t) => {
    const { gateway, port, tunnels } = await start(t);
    const client = await RawClient.connect(port);
    client.send(`${get("/acme", ...ASK)}early`);
    assert.match(await client.readUntil("\r\n\r\n"), /^HTTP\/1\.1 101 .*upgrade: acme-tunnel\/1/is);
    const tunnel = await waitFor("the tunnel", () => tunnels[0]);
    client.send("\x00 more");
    client.halfClose();
    await waitFor("the client's end at the backend", () => tunnel.ended);
    assert.equal(tunnel.received, "early\x00 more");
    assert.equal(
      (await gateway.metric("it", (now) => now.sum("upgrade_tunnels") === 1)).sum("upgrade_tunnels"),
      1,
    );
    tunnel.socket.end("an answer after the client's end");
    assert.equal(await client.closed(), "fin");
    assert.equal(client.unread, "an answer after the client's end");
    await gateway.metric("none", (now) => now.sum("upgrade_tunnels") === 0);
  });

  it("passes on an RST as an RST", async (t) => {
    const { port, tunnels } = await start(t);
    const client = await RawClient.connect(port);
    client.send(get("/acme", ...ASK));
    await client.readUntil("\r\n\r\n");
    (await waitFor("the tunnel", () => tunnels[0])).socket.resetAndDestroy();
    assert.equal(await client.closed(), "reset");
  });

  it("is ignored on another route", async (t) => {
    const { port, tunnels } = await start(t);
    const client = await RawClient.connect(port);
    assert.equal(statusOf(await client.request(get("/other", ...ASK))), 200);
    client.destroy();
    assert.equal(tunnels.length, 0);
  });
});
