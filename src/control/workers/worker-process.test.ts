import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { connect } from "node:tls";
import { planFromToml } from "../../../test/support/plan-from-toml.ts";
import { nativeAddon } from "../../fastpath/native-addon.ts";
import { createSharedMemory } from "../../fastpath/shared-memory.ts";
import type { Plan } from "../../proxy/plan.ts";
import { initRegion, regionBytes } from "../../proxy/state/layout.ts";
import { WorkerProcess } from "./worker-process.ts";

const OPTIONS = {
  timeout: 60_000,
  skip: nativeAddon() === null ? "the native addon is missing: there are no workers" : false,
};

const LIMIT_MS = 30_000;

/** A worker that waits for its first plan. */
async function startedWorker(context: TestContext): Promise<WorkerProcess> {
  const memoryBytes = regionBytes(1);
  const memory = createSharedMemory(memoryBytes);
  initRegion(memory.buffer, { workers: 1, seed: new Int32Array(2) });
  const environment = { ...process.env, LB_LOG: "off" };
  const memoryFd = memory.fd ?? -1;
  const worker = new WorkerProcess({ index: 0, memoryFd, memoryBytes, transport: "net", environment });
  context.after(() => {
    worker.kill();
    nativeAddon()?.closeDescriptor(memoryFd);
  });
  await worker.expect(["started"], LIMIT_MS);
  return worker;
}

async function prepared(worker: WorkerProcess, plan: Plan): Promise<Readonly<Record<string, number>>> {
  const answer = await worker.ask({ kind: "prepare", plan }, ["prepared", "refused"], LIMIT_MS);
  assert.ok(answer.kind === "prepared", JSON.stringify(answer));
  return answer.ports;
}

const TLS_LISTENER = `
[[listeners]]
name = "secure"
address = "127.0.0.1:0"
protocol = "h1s"
[listeners.tls]
cert_path = "/tls/good.pem"
key_path = "/tls/good.key"
ocsp_path = "/tls/good.ocsp"
`;

test(
  "certificates and ticket keys reach a worker as octets, and new keys after them",
  OPTIONS,
  async (context) => {
    const backend = createHttpServer((_request, response) => response.end("hello"));
    context.after(() => backend.close());
    await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
    const { port } = backend.address() as AddressInfo;
    const worker = await startedWorker(context);
    const plan = planFromToml(`${TLS_LISTENER}[[listeners.backends]]\naddress = "127.0.0.1:${port}"\n`);
    const ports = await prepared(worker, plan);
    await worker.ask({ kind: "commit", generation: 1 }, ["committed"], LIMIT_MS);
    worker.send({ kind: "ticketKeys", listener: "127.0.0.1:0", keys: [new Uint8Array(80).fill(2)] });
    const socket = connect({
      port: ports["secure"] ?? 0,
      host: "127.0.0.1",
      servername: "good.example",
      rejectUnauthorized: false,
      requestOCSP: true,
      ALPNProtocols: ["http/1.1"],
    });
    context.after(() => socket.destroy());
    const stapled = once(socket, "OCSPResponse");
    await once(socket, "secureConnect");
    const [ocsp] = (await stapled) as [Buffer];
    assert.deepEqual(ocsp, Buffer.from(plan.listeners[0]?.tls?.settings.certificates[0]?.ocsp ?? []));
    socket.write("GET / HTTP/1.1\r\nHost: good.example\r\nConnection: close\r\n\r\n");
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 200 [^]*hello/);
  },
);

test("a large plan gets to a worker, and back come the ports under any name", OPTIONS, async (context) => {
  const worker = await startedWorker(context);
  const routers = Array.from(
    { length: 2000 },
    (_, n) =>
      `[routers.r${n}]\nrule = "Host(\`h${n}.example\`) && PathPrefix(\`/api/v${n}\`)"\nservice = "s"\n`,
  );
  const backends = Array.from(
    { length: 1000 },
    (_, n) => `[[services.s.backends]]\naddress = "10.0.${n >> 8}.${n & 255}:80"\n`,
  );
  const text = [
    TLS_LISTENER.replace('"secure"', '"__proto__"'),
    ...routers,
    ...backends,
    "[observability]\nmax_label_cardinality = 1000000\n",
  ];
  const plan = planFromToml(text.join(""));
  assert.ok(JSON.stringify(plan).length > 500_000);
  const ports = await prepared(worker, plan);
  assert.deepEqual(Object.keys(ports), ["__proto__"]);
  assert.ok((Object.entries(ports)[0]?.[1] ?? 0) > 0);
});
