/** Files that can and cannot be read. */
import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { loadConfigFile, MAX_CONFIG_BYTES } from "./load-config.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "expressgateway-config-"));
});
after(() => rm(folder, { recursive: true }));

async function complaint(path: string): Promise<string> {
  const { config, issues } = await loadConfigFile(path, {});
  assert.equal(config, undefined);
  assert.equal(issues.length, 1);
  return issues[0]?.message ?? "";
}

test("a file that is right gives a configuration and its text", async () => {
  const path = join(folder, "good.toml");
  const text = '[[listeners]]\naddress = "${HOST}:1"\nprotocol = "h1"\nbackends = [{ address = "a:1" }]\n';
  await writeFile(path, text);
  const loaded = await loadConfigFile(path, { HOST: "127.0.0.1" });
  assert.equal(loaded.config?.listeners[0]?.address, "127.0.0.1:1");
  assert.deepEqual(loaded.issues, []);
  assert.equal(loaded.text, text);
});

test("a file that cannot be read is an issue that names it and the reason", async () => {
  const missing = join(folder, "missing.toml");
  assert.equal(await complaint(missing), `cannot read config file: ${missing}: no such file`);
  assert.equal(await complaint(folder), `cannot read config file: ${folder}: it is a folder`);
});

test("a file of more than 16 MiB is refused", async () => {
  const path = join(folder, "large.toml");
  await writeFile(path, "");
  await truncate(path, MAX_CONFIG_BYTES + 1);
  assert.match(await complaint(path), /larger than 16777216 bytes$/);
});

test("a file that is not UTF-8 is refused", async () => {
  const path = join(folder, "latin1.toml");
  await writeFile(path, Buffer.from([0x23, 0xe9, 0x0a]));
  assert.match(await complaint(path), /it is not UTF-8 text$/);
});

test("issues carry the name of the file", async () => {
  const path = join(folder, "bad.toml");
  await writeFile(path, "x = 1\n");
  const { issues } = await loadConfigFile(path, {});
  assert.ok(issues.length > 0);
  assert.ok(issues.every((issue) => issue.file === path));
});
