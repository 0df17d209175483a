/** HTTP/3 over a network that loses packets, falls silent for a while, or delivers them twice and in another order. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { Random } from "../fuzz/random.ts";
import { type H3Gateway, startH3 } from "../support/h3-gateway.ts";
import type { H3User } from "../support/h3-user.ts";
import { UdpLine } from "../support/udp-line.ts";

const MIB = 1024 * 1024;
const SEED = Number(process.env["QUIC_SEED"] ?? process.hrtime.bigint() % 2n ** 31n);
const REQUESTS = 60;

const block = randomBytes(4 * MIB);

async function start(
  t: Parameters<typeof startH3>[0],
  quic: Readonly<Record<string, unknown>> = {},
): Promise<[H3Gateway, UdpLine]> {
  const scene = await startH3(t, {
    backend: {
      script: (request, answer) => {
        const download = request.target === "/download";
        const body = download ? block : createHash("sha256").update(request.body).digest("hex");
        answer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
        answer.write(body);
      },
    },
    quic,
  });
  return [scene, await UdpLine.open(t, scene.port)];
}

/** Everything that is sent arrives whole, both ways. */
async function exchange(user: H3User): Promise<void> {
  const sum = createHash("sha256").update(block.subarray(0, MIB)).digest("hex");
  const upload = user.request("/upload", { method: "POST", end: false, length: MIB });
  const uploading = (async () => {
    for (let at = 0; at < MIB; at += 16_384) {
      user.send(upload, block.subarray(at, at + 16_384));
      await new Promise(setImmediate);
    }
    user.end(upload);
    await user.over(upload, 60_000);
  })();
  const download = await user.over(user.request("/download"), 60_000);
  assert.ok(Buffer.from(download.body, "latin1").equals(block));
  await uploading;
  assert.equal(upload.told, `200 ${sum}`);
  const answers = Array.from({ length: REQUESTS }, (_, i) =>
    user.request(`/${i}`, { method: "POST", body: "x".repeat(i * 100) }),
  );
  for (const [i, answer] of answers.entries()) {
    await user.over(answer, 60_000);
    assert.equal(
      answer.told,
      `200 ${createHash("sha256")
        .update("x".repeat(i * 100))
        .digest("hex")}`,
    );
  }
}

describe(`HTTP/3 over a bad network, seed ${SEED}`, { timeout: 240_000 }, () => {
  for (const congestion_control of ["cubic", "reno", "bbr"]) {
    it(`that loses 5 % of all packets in each direction, with ${congestion_control}`, async (t) => {
      const [scene, line] = await start(t, { congestion_control });
      const random = new Random(SEED);
      let lost = 0;
      line.passes = () => {
        const passes = random.below(100) >= 5;
        if (!passes) lost++;
        return passes;
      };
      const user = await scene.users.h3(line.port);
      await exchange(user);
      assert.equal(user.closed, null);
      t.diagnostic(`${lost} packets were lost`);
      assert.ok(lost > 100);
      user.close();
      line.passes = () => true;
      await scene.gateway.metric("nobody", (now) => now.sum("h3_downstream_connections") === 0, 15_000);
    });
  }

  it("that is silent for two seconds", async (t) => {
    const [scene, line] = await start(t);
    const user = await scene.users.h3(line.port);
    const going = exchange(user);
    setTimeout(() => (line.passes = () => false), 30);
    setTimeout(() => (line.passes = () => true), 2030);
    await going;
  });

  it("that delivers packets twice, and some of them late", async (t) => {
    const [scene, line] = await start(t);
    const random = new Random(SEED);
    line.passes = (from, bytes) => {
      const copy = Buffer.from(bytes);
      if (random.once(5)) setTimeout(() => line.deliver(from, copy), random.below(30));
      return !random.once(20) || (setTimeout(() => line.deliver(from, copy), 5), false);
    };
    const user = await scene.users.h3(line.port);
    await exchange(user);
    assert.equal(user.closed, null);
  });
});
