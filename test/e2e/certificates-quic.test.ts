/** Certificates and Retry secrets of a gateway with QUIC: made at the start, exchanged by SIGUSR1 and by a watch, refused when bad. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { stringify } from "smol-toml";
import { freePort, HOST } from "../support/addresses.ts";
import { CertificateAuthority } from "../support/certificates.ts";
import { certificateFolder, writeIdentity, writePrivate } from "../support/certificates-files.ts";
import { Gateway, LAUNCHER } from "../support/gateway.ts";
import { QuicUsers } from "../support/quic-users.ts";
import { startBackend } from "../support/suite.ts";

const run = promisify(execFile);

const authority = new CertificateAuthority();
const SERVER_NAME = "localhost";
const CLIENT = { caPem: authority.rootPem, serverName: SERVER_NAME };

interface Files {
  readonly folder: string;
  readonly secretPath: string;
  /** A certificate that has this name too. */
  renew(name: string): void;
  /** Replaces the secret as operators do. */
  exchangeSecret(secret: Uint8Array): void;
}

function filesIn(t: TestContext): Files {
  const folder = certificateFolder(t);
  const secretPath = `${folder}/retry.secret`;
  const renew = (name: string): void =>
    void writeIdentity(folder, "a", authority.issue({ names: [SERVER_NAME, name] }));
  renew("first.test");
  const exchangeSecret = (secret: Uint8Array): void =>
    renameSync(writePrivate(folder, "next.secret", secret), secretPath);
  return { folder, secretPath, renew, exchangeSecret };
}

function listenerOf({ folder, secretPath }: Files, port: number, backend: string) {
  return {
    name: "q",
    address: `${HOST}:${port}`,
    protocol: "quic",
    quic: {
      cert_path: `${folder}/a.crt`,
      key_path: `${folder}/a.key`,
      retry_secret_path: secretPath,
      // Every connection needs a token.
      retry: "always",
    },
    backends: [{ address: backend }],
  };
}

async function started(t: TestContext, runtime: Readonly<Record<string, unknown>> = {}) {
  const files = filesIn(t);
  const { address } = await startBackend(t, { record: false });
  const port = await freePort();
  const listeners = [listenerOf(files, port, address)];
  const gateway = await Gateway.start(t, { listeners, runtime: { workers: 2, ...runtime } });
  const clients = await QuicUsers.open(t);
  return { ...files, port, gateway, connect: () => clients.h3(port, CLIENT) };
}

describe("certificates and secrets of QUIC", { timeout: 120_000 }, () => {
  it("check makes no secret, and the start makes one that only its owner can read", async (t) => {
    const files = filesIn(t);
    const { folder, secretPath } = files;
    const config = `${folder}/lb.toml`;
    await writeFile(config, stringify({ listeners: [listenerOf(files, 1, "127.0.0.1:1")] }));
    const { stdout } = await run(LAUNCHER, ["check", config]);
    assert.match(stdout, /lb\.toml: OK\n/);
    assert.equal(existsSync(secretPath), false);

    const { secretPath: made, connect } = await started(t);
    assert.equal(statSync(made).mode & 0o777, 0o600);
    assert.equal(readFileSync(made).length, 32);
    assert.equal((await (await connect()).ask("/")).status, 200);
  });

  it("are exchanged by SIGUSR1 in every worker, and open connections go on", async (t) => {
    const { gateway, connect, renew, exchangeSecret } = await started(t);
    const before = await connect();
    assert.match(before.certificateNames, /first\.test/);
    for (const [round, name] of ["second.test", "third.test", "fourth.test"].entries()) {
      renew(name);
      exchangeSecret(randomBytes(32));
      gateway.kill("SIGUSR1");
      await gateway.metric(
        "a rotation",
        (metrics) => metrics.sum("cert_rotation_succeeded_total") === round + 1,
      );
      // Whichever worker it meets.
      for (let n = 0; n < 6; n++) {
        const client = await connect();
        assert.ok(client.certificateNames.includes(name), client.certificateNames);
        assert.equal((await client.ask("/")).status, 200);
        client.close();
      }
      assert.equal((await before.ask("/")).status, 200);
    }
    const metrics = await gateway.scrape();
    assert.ok(metrics.sum("quic_retry_tokens_accepted_total") >= 19);
    assert.equal(metrics.sum("quic_retry_tokens_rejected_total"), 0);
  });

  it("are exchanged by a watch", async (t) => {
    const { gateway, connect, renew, exchangeSecret } = await started(t, { tls: { watch: true } });
    renew("second.test");
    exchangeSecret(randomBytes(32));
    await gateway.metric("a rotation", (metrics) => metrics.sum("cert_rotation_succeeded_total") > 0, 20_000);
    assert.match((await connect()).certificateNames, /second\.test/);
  });

  it("stay when a secret cannot be used, with the reason in the log and the metrics", async (t) => {
    const { gateway, connect, renew, exchangeSecret } = await started(t);
    renew("second.test");
    exchangeSecret(randomBytes(31));
    gateway.kill("SIGUSR1");
    const line = await gateway.waitForLog("why", ({ text }) => text.includes("rotation refused"));
    assert.match(String(line.fields["problem"]), /retry\.secret" has 31 bytes, and must have 32$/);
    await gateway.metric(
      "a refusal",
      (metrics) => metrics.sum("cert_rotation_failed_total", { reason: "malformed" }) === 1,
    );
    const client = await connect();
    assert.match(client.certificateNames, /first\.test/);
    assert.equal((await client.ask("/")).status, 200);
  });
});
