/**
 * QUIC: first flights with early data that are recorded and sent again (RFC 8470), packets of a client from
 * other addresses (RFC 9000 section 9.3), and whoever takes every connection that there is.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, it } from "node:test";
import { HOST } from "../support/addresses.ts";
import { AttackScene } from "../support/attack-scene.ts";
import type { CleanupScope } from "../support/gateway.ts";
import type { H3User } from "../support/h3-user.ts";
import { hello } from "../support/recording-backend.ts";
import { streamed } from "../support/scripts.ts";
import { UdpLine } from "../support/udp-line.ts";
import { waitFor } from "../support/wait-for.ts";

/** A socket that only sends. */
async function sender(scope: CleanupScope, port: number): Promise<(bytes: Buffer) => void> {
  const socket = createSocket("udp4");
  socket.bind(0, HOST);
  await once(socket, "listening");
  socket.on("error", () => {});
  scope.after(() => {
    socket.close();
    return Promise.resolve();
  });
  return (bytes) => socket.send(bytes, port, HOST);
}

/** Nobody speaks HTTP/3 any more. */
async function nobody({ gateway }: AttackScene): Promise<void> {
  await gateway.metric("nobody", (now) => now.sum("h3_downstream_connections") === 0);
}

describe("early data that are sent again", { timeout: 60_000 }, () => {
  it("bring no POST about, and no GET a second time", async (t) => {
    const scene = await AttackScene.start(t, { quic: { early_data: true } });
    await scene.withstands(
      async (attack) => {
        const users = await scene.users(attack);
        const line = await UdpLine.open(attack, scene.secure);
        const first = await users.h3(line.port, { earlyData: true });
        await first.ask("/first");
        first.close();
        await first.gone();
        const flight: Buffer[] = [];
        let heard = false;
        line.passes = (from, bytes) => {
          heard ||= from === "gateway";
          if (!heard && from === "client") flight.push(Buffer.from(bytes));
          return from === "gateway" || !heard;
        };
        const user = users.beginH3(line.port, { earlyData: true });
        const [get, post] = [user.ask("/early"), user.ask("/order", { method: "POST", body: "x" })];
        assert.equal((await get).status, 200);
        assert.equal((await post).status, 425);
        line.passes = () => true;
        const again = async (): Promise<void> => {
          for (let i = 0; i < 20; i++) {
            const send = await sender(attack, scene.secure);
            for (const bytes of flight) send(bytes);
          }
        };
        await again();
        assert.equal((await user.ask("/later")).status, 200);
        user.close();
        await nobody(scene);
        // While the connection is being forgotten, it still has what comes to its IDs.
        await waitFor("that they are seen", async () => {
          await again();
          return (await scene.gateway.scrape()).sum("quic_replays_dropped_total") >= 20;
        });
        const targets = scene.backend.requests.map(({ target }) => target);
        assert.equal(targets.filter((target) => target === "/early").length, 1);
        assert.equal(targets.filter((target) => target === "/order").length, 0);
      },
      { counters: { quic_replays_dropped_total: 20, h3_early_data_refused_total: 1 } },
    );
  });
});

describe("packets of a client from elsewhere", { timeout: 60_000 }, () => {
  it("do not take its connection away", async (t) => {
    const total = 8 * 1024 * 1024;
    const scene = await AttackScene.start(t, {
      quic: {},
      listener: { http: { max_response_body_bytes: 0 } },
    });
    const much = streamed(total);
    scene.backend.script = (request, answer) =>
      request.target === "/bystander" ? hello(request, answer) : much(request, answer);
    await scene.withstands(
      async (attack) => {
        const users = await scene.users(attack);
        const line = await UdpLine.open(attack, scene.secure);
        const spoofed = await sender(attack, scene.secure);
        let seen = 0;
        line.passes = (from, bytes) => {
          // Somebody on the way is quicker than the client with every tenth packet.
          if (from === "client" && ++seen > 20 && seen % 10 === 0) spoofed(bytes);
          return true;
        };
        const user = await users.h3(line.port);
        const answer = await user.ask("/");
        assert.equal(answer.body.length, total);
        assert.equal(user.closed, null);
        user.close();
        await nobody(scene);
      },
      { counters: { quic_migrations_refused_total: 10 } },
    );
  });
});

describe("whoever takes every QUIC connection that there is", { timeout: 60_000 }, () => {
  it("is stopped at the cap of its address, and makes room when it goes", async (t) => {
    const scene = await AttackScene.start(t, {
      quic: { max_connections: 40 },
      config: { runtime: { per_ip_connection_cap: 20 } },
    });
    await scene.withstands(
      async (attack) => {
        const users = await scene.users(attack);
        const taken = await Promise.all(Array.from({ length: 15 }, () => users.h3(scene.secure)));
        const more = Array.from({ length: 20 }, () => users.beginH3(scene.secure));
        await waitFor("them to be refused", () => more.filter(({ closed }) => closed !== null).length >= 10);
        for (const user of [...taken, ...more]) user.close();
        const room = (): Promise<H3User | undefined> => users.h3(scene.secure).catch(() => undefined);
        const late = await waitFor("room", room);
        assert.equal((await late.ask("/")).status, 200);
      },
      { counters: { quic_connections_refused_total: 10 } },
    );
  });
});
