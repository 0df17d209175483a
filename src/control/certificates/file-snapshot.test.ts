import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { certificateFolder, writePrivate } from "../../../test/support/certificates-files.ts";
import { MemoryFiles } from "../../../test/support/memory-files.ts";
import { fileSignature, systemFiles, takeSnapshot } from "./file-snapshot.ts";

function textOf(snapshot: ReturnType<typeof takeSnapshot>, path: string): string | undefined {
  const content = snapshot.get(path);
  return content?.kind === "content" ? content.bytes.toString() : content?.problem;
}

test("files that change while they are read are read again, all of them", () => {
  const files = new MemoryFiles();
  files.write("/cert", "old cert");
  files.write("/key", "old key");
  files.onRead = (path) => {
    if (path !== "/key") return;
    files.onRead = () => {};
    files.write("/cert", "new cert");
    files.write("/key", "new key");
  };
  const snapshot = takeSnapshot(["/cert", "/key"], files);
  assert.equal(textOf(snapshot, "/cert"), "new cert");
  assert.equal(textOf(snapshot, "/key"), "new key");
});

test("files that never rest do not hold it up", () => {
  const files = new MemoryFiles();
  let reads = 0;
  files.onRead = () => files.write("/a", String(++reads));
  files.write("/a", "0");
  const snapshot = takeSnapshot(["/a"], files);
  assert.equal(snapshot.get("/a")?.kind, "content");
  assert.ok(reads < 10, `${reads} reads`);
});

test("what cannot be read says why", (context) => {
  const folder = certificateFolder(context);
  mkdirSync(join(folder, "folder"));
  const large = writePrivate(folder, "large", Buffer.alloc(16 * 1024 * 1024 + 1));
  const missing = join(folder, "missing");
  const snapshot = takeSnapshot([missing, join(folder, "folder"), large, "a\0b"]);
  assert.equal(textOf(snapshot, missing), "ENOENT");
  assert.equal(textOf(snapshot, join(folder, "folder")), "it is not a regular file");
  assert.match(textOf(snapshot, large) ?? "", /more than 16777216 bytes/);
  assert.equal(textOf(snapshot, "a\0b"), "ERR_INVALID_ARG_VALUE");
});

test("a file comes with its mode, and its signature tells a change", async (context) => {
  const folder = certificateFolder(context);
  const path = writePrivate(folder, "key", "one");
  chmodSync(path, 0o640);
  const content = systemFiles.read(path);
  assert.ok(content.kind === "content");
  assert.equal(content.mode, 0o640);
  assert.equal(systemFiles.signature(path), content.signature);
  assert.equal(await fileSignature(path), content.signature);
  writeFileSync(path, "three");
  assert.notEqual(systemFiles.signature(path), content.signature);
  assert.equal(await fileSignature(join(folder, "missing")), "");
});
