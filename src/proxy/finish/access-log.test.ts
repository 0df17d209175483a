import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  mkdtempSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Log } from "../../base/log.ts";
import { exchangeOf } from "../../../test/support/memory-exchange.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { get } from "../../../test/support/memory-http.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { GLOBAL_SLOT_COUNT, GLOBAL_SLOTS } from "../global-slots.ts";
import type { AccessLogPlan } from "../plan.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { AccessLog, discardAccessLog, openAccessLog } from "./access-log.ts";

const directory = mkdtempSync(join(tmpdir(), "access-log-"));
after(() => rmSync(directory, { recursive: true }));

/** Every test is bounded: a target that blocks must not block it. */
const BOUND = { timeout: 20_000 };

let names = 0;

function plan(path: string, more: Partial<AccessLogPlan> = {}): AccessLogPlan {
  return { enabled: true, path, format: "json", sample: 1, ...more };
}

function freshPath(): string {
  return join(directory, `log-${names++}`);
}

interface Logged {
  readonly accessLog: AccessLog;
  readonly errors: object[];
  readonly counters: Float64Array;
  /** Appends a line that holds the number. */
  line(number: number): void;
}

const gateway = new MemoryGateway();

function numbered(number: number, padding = ""): Exchange {
  return exchangeOf(gateway, get(`/${number}${padding}`));
}

function opened(first: AccessLogPlan): Logged {
  const counters = new Float64Array(GLOBAL_SLOT_COUNT);
  const errors: object[] = [];
  const log: Log = { debug() {}, info() {}, warn() {}, error: (fields) => errors.push(fields) };
  const accessLog = new AccessLog(counters, log);
  accessLog.use(openAccessLog(first));
  return {
    accessLog,
    errors,
    counters,
    line: (number) => accessLog.append(numbered(number), 200),
  };
}

/** The numbers of the lines in a file, in order. Fails when a line is no JSON. */
function numbersIn(text: string): number[] {
  assert.ok(text === "" || text.endsWith("\n"), "whole lines only");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => Number((JSON.parse(line) as { path: string }).path.slice(1).split("?")[0]));
}

function count(to: number): number[] {
  return Array.from({ length: to }, (_, index) => index);
}

test("lines come in order, and flush says when they are there", BOUND, async () => {
  const path = freshPath();
  const { accessLog, line, counters } = opened(plan(path));
  for (const number of count(5000)) line(number);
  await accessLog.flush();
  assert.deepEqual(numbersIn(readFileSync(path, "latin1")), count(5000));
  assert.equal(counters[GLOBAL_SLOTS.access_log_lines_total], 5000);
  assert.equal(counters[GLOBAL_SLOTS.access_log_dropped_total], 0);
  line(5000);
  accessLog.tick();
  await waitFor("a tick to write", () => readFileSync(path, "latin1").includes("/5000"));
  await accessLog.close();
});

test("a file is appended to, and made readable for its group and nobody else", BOUND, async () => {
  const path = freshPath();
  for (const number of [0, 1]) {
    const { accessLog, line } = opened(plan(path));
    line(number);
    await accessLog.close();
  }
  assert.deepEqual(numbersIn(readFileSync(path, "latin1")), [0, 1]);
  assert.equal(execFileSync("stat", ["-c", "%a", path], { encoding: "utf8" }).trim(), "640");
});

test(
  "rotation: what was logged before is in the old file, what comes after in the new one",
  BOUND,
  async () => {
    const path = freshPath();
    const { accessLog, line } = opened(plan(path));
    for (let turn = 0; turn < 5; turn++) {
      for (const number of count(1000)) line(turn * 1000 + number);
      renameSync(path, `${path}.${turn}`);
      accessLog.reopen();
    }
    await accessLog.close();
    for (let turn = 0; turn < 5; turn++) {
      assert.deepEqual(
        numbersIn(readFileSync(`${path}.${turn}`, "latin1")),
        count(1000).map((number) => turn * 1000 + number),
      );
    }
  },
);

test("rotations and a close leave no descriptor open", BOUND, async () => {
  const path = freshPath();
  const { accessLog, line } = opened(plan(path));
  const open = (): number => openDescriptorsOf(path);
  for (let turn = 0; turn < 20; turn++) {
    line(turn);
    accessLog.reopen();
  }
  await accessLog.flush();
  await waitFor("the old descriptors to close", () => open() === 1);
  await accessLog.close();
  await waitFor("the last descriptor to close", () => open() === 0);
});

/** How many descriptors of this process are of the file. */
function openDescriptorsOf(path: string): number {
  let found = 0;
  for (const descriptor of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${descriptor}`) === path) found++;
    } catch {
      // The descriptor that listed the folder has gone.
    }
  }
  return found;
}

test("a file that cannot be opened anew is logged, and the old one is kept", BOUND, async () => {
  const folder = mkdtempSync(join(directory, "gone-"));
  const path = join(folder, "log");
  const { accessLog, line, errors } = opened(plan(path));
  line(0);
  renameSync(folder, `${folder}-moved`);
  accessLog.reopen();
  assert.equal(errors.length, 1);
  line(1);
  await accessLog.close();
  assert.deepEqual(numbersIn(readFileSync(join(`${folder}-moved`, "log"), "latin1")), [0, 1]);
});

test("a plan's target is opened before it is used, and a bad one is an error then", BOUND, () => {
  assert.throws(() => openAccessLog(plan("/nowhere/at/all")), { code: "ENOENT" });
  assert.throws(() => openAccessLog(plan(directory)), { code: "EISDIR" });
  assert.equal(openAccessLog(plan("/nowhere", { enabled: false })).target, null);
  discardAccessLog(openAccessLog(plan(freshPath())));
  discardAccessLog(openAccessLog(plan("stdout")));
});

test("turned off, nothing is lost of what was logged before", BOUND, async () => {
  const path = freshPath();
  const { accessLog, line } = opened(plan(path));
  for (const number of count(2000)) line(number);
  accessLog.use(openAccessLog(plan(path, { enabled: false })));
  assert.equal(accessLog.enabled, false);
  await accessLog.flush();
  assert.deepEqual(numbersIn(readFileSync(path, "latin1")), count(2000));
});

test("errors are always logged, the rest by its share", () => {
  const { accessLog } = opened(plan(freshPath(), { sample: 0.25 }));
  assert.deepEqual(
    [0, 200, 304, 399, 400, 404, 500].map((status) => accessLog.samples(status, 0.5)),
    [true, false, false, false, true, true, true],
  );
  assert.equal(accessLog.samples(200, 0.2), true);
  accessLog.use(openAccessLog(plan(freshPath(), { sample: 0 })));
  assert.equal(accessLog.samples(200, 0), false);
  assert.equal(accessLog.samples(500, 0.9), true);
});

/** A pipe in the file system. */
function fifo(): string {
  const path = freshPath();
  execFileSync("mkfifo", [path]);
  return path;
}

test("a pipe that nobody reads does not block: lines are dropped and counted", BOUND, async () => {
  const path = fifo();
  const { accessLog, line, counters } = opened(plan(path));
  const lines = 30_000;
  const started = performance.now();
  for (let number = 0; number < lines; number++) line(number);
  assert.ok(performance.now() - started < 10_000);
  const dropped = counters[GLOBAL_SLOTS.access_log_dropped_total] ?? 0;
  assert.ok(dropped > 0 && dropped < lines, `${dropped} dropped`);
  await accessLog.close();
  const written = lines - (counters[GLOBAL_SLOTS.access_log_dropped_total] ?? 0);
  assert.ok(written < 1000, "only what a pipe holds was written");
});

test(
  "what a slow reader of a pipe gets are whole lines, in order, and the rest once it reads",
  BOUND,
  async () => {
    const path = fifo();
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { accessLog, line, counters } = opened(plan(path));
    for (const number of count(3000)) line(number);
    accessLog.tick();
    let text = "";
    const chunk = Buffer.alloc(10_000);
    const read = (): boolean => {
      try {
        text += chunk.toString("latin1", 0, readSync(reader, chunk));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
      }
      return text.includes("/2999");
    };
    await waitFor("the reader to get everything", read, { timeoutMs: 15_000, everyMs: 1 });
    assert.deepEqual(numbersIn(text), count(3000));
    assert.equal(counters[GLOBAL_SLOTS.access_log_dropped_total], 0);
    await accessLog.close();
    closeSync(reader);
  },
);

test("workers that share a pipe do not tear each other's lines", BOUND, async () => {
  const path = fifo();
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const workers = [opened(plan(path)), opened(plan(path))];
  for (const worker of workers) {
    for (const number of count(2000)) worker.line(number);
    worker.accessLog.tick();
  }
  let text = "";
  const chunk = Buffer.alloc(10_000);
  const read = (): boolean => {
    try {
      text += chunk.toString("latin1", 0, readSync(reader, chunk));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
    }
    return text.split("/1999").length === 3;
  };
  await waitFor("the reader to get everything", read, { timeoutMs: 15_000, everyMs: 1 });
  const numbers = numbersIn(text);
  assert.deepEqual(
    numbers.toSorted((a, b) => a - b),
    count(4000).map((number) => Math.floor(number / 2)),
  );
  for (const { accessLog } of workers) await accessLog.close();
  closeSync(reader);
});

test("a disk that refuses is logged and counted, and the next lines are tried again", BOUND, async () => {
  const { accessLog, line, counters, errors } = opened(plan("/dev/full"));
  for (const number of count(10)) line(number);
  await accessLog.flush();
  assert.equal(counters[GLOBAL_SLOTS.access_log_dropped_total], 10);
  assert.deepEqual(errors, [{ path: "/dev/full", code: "ENOSPC", lines: 10 }]);
  const path = freshPath();
  accessLog.use(openAccessLog(plan(path)));
  line(0);
  await accessLog.close();
  assert.deepEqual(numbersIn(readFileSync(path, "latin1")), [0]);
});

test("the longest lines there can be fill batches without being torn", BOUND, async () => {
  const path = freshPath();
  const { accessLog } = opened(plan(path));
  for (let number = 0; number < 50; number++) {
    accessLog.append(numbered(number, `?${'"'.repeat(3000)}`), 200);
  }
  await accessLog.close();
  assert.deepEqual(numbersIn(readFileSync(path, "latin1")), count(50));
});
