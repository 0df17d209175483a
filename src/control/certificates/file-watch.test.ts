import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { certificateFolder } from "../../../test/support/certificates-files.ts";
import { TestTimers } from "../../../test/support/test-timers.ts";
import { FileWatch, LOOK_INTERVAL_MS } from "./file-watch.ts";
import { systemFiles } from "./file-snapshot.ts";

interface Fixture {
  readonly folder: string;
  readonly watch: FileWatch;
  readonly timers: TestTimers;
  told: number;
  /** Lets the watch look `count` times. */
  look(count: number): Promise<void>;
}

function fixtureOf(context: TestContext): Fixture {
  const timers = new TestTimers();
  const fixture: Fixture = {
    folder: certificateFolder(context),
    timers,
    told: 0,
    watch: new FileWatch({
      timers,
      changed: () => (fixture.told += 1),
      // Without waiting for the disk, so that the time of the test is the only one.
      signature: (path) => Promise.resolve(systemFiles.signature(path)),
    }),
    look: (count) => timers.advance(count * LOOK_INTERVAL_MS),
  };
  context.after(() => fixture.watch.stop());
  return fixture;
}

/** What tells a file from its successor includes its time of change, which is not endlessly fine. */
function write(path: string, content: string): void {
  writeFileSync(path, content);
}

test("a file that is written in place is told once, when it rests", async (context) => {
  const fixture = fixtureOf(context);
  const path = join(fixture.folder, "cert");
  write(path, "one");
  fixture.watch.adopt([path]);
  await fixture.look(3);
  assert.equal(fixture.told, 0);
  write(path, "two, longer");
  await fixture.look(1);
  write(path, "three, longer still");
  await fixture.look(1);
  assert.equal(fixture.told, 0, "it has just changed again");
  await fixture.look(3);
  assert.equal(fixture.told, 1);
});

test("a file that is replaced by a rename, or comes late, or goes, is told", async (context) => {
  const fixture = fixtureOf(context);
  const [cert, key] = [join(fixture.folder, "cert"), join(fixture.folder, "key")];
  write(cert, "one");
  fixture.watch.adopt([cert, key]);
  await fixture.look(1);
  write(`${cert}.new`, "two");
  renameSync(`${cert}.new`, cert);
  await fixture.look(2);
  assert.equal(fixture.told, 1);
  write(key, "key");
  await fixture.look(2);
  assert.equal(fixture.told, 2);
  rmSync(key);
  await fixture.look(2);
  assert.equal(fixture.told, 3);
});

test("a mounted Kubernetes secret is told when its ..data link is exchanged", async (context) => {
  const fixture = fixtureOf(context);
  const { folder } = fixture;
  for (const version of ["..1", "..2"]) {
    mkdirSync(join(folder, version));
    write(join(folder, version, "tls.crt"), version);
  }
  symlinkSync("..1", join(folder, "..data"));
  symlinkSync("..data/tls.crt", join(folder, "tls.crt"));
  fixture.watch.adopt([join(folder, "tls.crt")]);
  await fixture.look(2);
  symlinkSync("..2", join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  await fixture.look(2);
  assert.equal(fixture.told, 1);
});

test("other files are watched from scratch, the same ones on; none leaves no timer", async (context) => {
  const fixture = fixtureOf(context);
  const [a, b] = [join(fixture.folder, "a"), join(fixture.folder, "b")];
  write(a, "1");
  write(b, "1");
  fixture.watch.adopt([a]);
  await fixture.look(1);
  write(b, "22");
  fixture.watch.adopt([b]);
  await fixture.look(3);
  assert.equal(fixture.told, 0, "b changed before it was watched");
  write(b, "333");
  await fixture.look(1);
  fixture.watch.adopt([b]);
  await fixture.look(2);
  assert.equal(fixture.told, 1);
  fixture.watch.adopt([]);
  assert.equal(fixture.timers.armed, 0);
});
