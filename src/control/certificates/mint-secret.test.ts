import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { CertificateAuthority } from "../../../test/support/certificates.ts";
import { certificateFolder, writeIdentity } from "../../../test/support/certificates-files.ts";
import type { Log } from "../../base/log.ts";
import { RETRY_KEY_BYTES } from "../../wire/quic/retry-token.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import { CertificateError } from "./finding.ts";
import { mintMissingSecrets } from "./mint-secret.ts";

const identity = new CertificateAuthority().issue({ names: ["localhost"] });

interface Fixture {
  readonly folder: string;
  readonly path: string;
  readonly config: GatewayConfig;
  readonly lines: string[];
  mint(): void;
}

function fixture(context: TestContext): Fixture {
  const folder = certificateFolder(context);
  writeIdentity(folder, "a", identity);
  const path = `${folder}/retry.secret`;
  const listener = (port: number): string => `
    [[listeners]]
    address = "127.0.0.1:${port}"
    protocol = "quic"
    [listeners.quic]
    cert_path = "${folder}/a.crt"
    key_path = "${folder}/a.key"
    retry_secret_path = "${path}"`;
  const { config, issues } = parseConfig(listener(1) + listener(2), { file: "t", env: {} });
  assert.ok(config !== undefined, JSON.stringify(issues));
  const lines: string[] = [];
  const note = (_fields: object, message: string) => void lines.push(message);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  return { folder, path, config, lines, mint: () => mintMissingSecrets(config, log) };
}

test("a check of the configuration makes nothing", (context) => {
  const { folder } = fixture(context);
  assert.deepEqual(readdirSync(folder).toSorted(), ["a.crt", "a.key"]);
});

test("a secret that is missing is made once, for its owner alone, and nothing else is left", (context) => {
  const { folder, path, lines, mint } = fixture(context);
  const umask = process.umask(0);
  context.after(() => process.umask(umask));
  mint();
  const made = readFileSync(path);
  assert.equal(made.length, RETRY_KEY_BYTES);
  assert.notDeepEqual(made, Buffer.alloc(RETRY_KEY_BYTES));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder).toSorted(), ["a.crt", "a.key", "retry.secret"]);
  mint();
  assert.deepEqual(readFileSync(path), made);
  assert.deepEqual(lines, ["Retry secret made"]);
});

test("what is there is never touched, whatever it is", (context) => {
  const { path, lines, mint } = fixture(context);
  writeFileSync(path, "short");
  mint();
  assert.equal(readFileSync(path, "utf8"), "short");
  assert.deepEqual(lines, []);
});

test("a link to nowhere is not followed, and the folder is not made", (context) => {
  const { folder, path, mint } = fixture(context);
  symlinkSync(`${folder}/gone/retry.secret`, path);
  mint();
  assert.deepEqual(readdirSync(folder).toSorted(), ["a.crt", "a.key", "retry.secret"]);
});

test("a folder that is gone meanwhile is an error that names the file", (context) => {
  const { config, folder } = fixture(context);
  const path = `${folder}/gone/retry.secret`;
  const [first] = config.listeners;
  assert.ok(first?.quic !== undefined);
  const moved = { ...config, listeners: [{ ...first, quic: { ...first.quic, retry_secret_path: path } }] };
  const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  assert.throws(
    () => mintMissingSecrets(moved, log),
    (error) =>
      error instanceof CertificateError &&
      error.reason === "unreadable" &&
      error.message === `cannot make the Retry secret "${path}": ENOENT`,
  );
});
