import assert from "node:assert/strict";
import { test } from "node:test";
import type { Environment } from "../../base/environment.ts";
import { humanLine } from "./human-line.ts";
import { LogOptionsError, logOptionsFromEnvironment } from "./log-options.ts";
import { makeLogger, PinoProcessLog } from "./process-log.ts";
import {
  MAX_REPEAT_KINDS,
  MAX_REPEATS_PER_WINDOW,
  REPEAT_WINDOW_MS,
  RepeatLimiter,
} from "./repeat-limiter.ts";

function harness(threshold: "debug" | "info" = "info") {
  const lines: string[] = [];
  let nowMs = 0;
  const logger = makeLogger(threshold, { write: (line) => void lines.push(line) }, { worker: 3 });
  const log = new PinoProcessLog(logger, () => nowMs);
  const records = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, lines, records, advance: (ms: number) => (nowMs += ms) };
}

test("a JSON line has timestamp, level as a word, target, message and the fields", () => {
  const { log, records } = harness();
  log.component("gateway").info({ port: 80 }, "listening");
  const [{ timestamp, ...rest } = {}] = records();
  assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, { level: "info", worker: 3, target: "gateway", port: 80, message: "listening" });
});

test("lines below the level are not written", () => {
  const { log, lines } = harness();
  log.component("gateway").debug({}, "detail");
  assert.deepEqual(lines, []);
});

test("a flood of one line is cut and told; other lines and debug lines pass", () => {
  const { log, records, advance } = harness("debug");
  const component = log.component("listener");
  for (let i = 0; i < 100; i += 1) component.warn({ i }, "refused");
  for (let i = 0; i < 100; i += 1) component.debug({ i }, "detail");
  component.warn({}, "another");
  assert.equal(records().length, MAX_REPEATS_PER_WINDOW + 100 + 1);
  advance(REPEAT_WINDOW_MS);
  log.sweep();
  const last = records().at(-1);
  assert.equal(last?.["target"], "listener");
  assert.equal(last?.["repeated"], "refused");
  assert.equal(last?.["suppressed"], 100 - MAX_REPEATS_PER_WINDOW);
  component.warn({}, "refused");
  assert.equal(records().at(-1)?.["message"], "refused");
});

test("a source that floods the log does not silence the others", () => {
  const { log, records } = harness();
  const component = log.component("listener");
  for (let i = 0; i < 100; i += 1) component.warn({ service: "s", backend: "10.0.0.1:80", i }, "no answer");
  for (let i = 0; i < 3; i += 1) component.warn({ service: "s", backend: "10.0.0.2:80", i }, "no answer");
  const of = (backend: string) => records().filter((record) => record["backend"] === backend).length;
  assert.equal(of("10.0.0.1:80"), MAX_REPEATS_PER_WINDOW);
  assert.equal(of("10.0.0.2:80"), 3);
});

test("what was held back is told once when the window ends, or with the process", () => {
  const { log, records, advance } = harness();
  const component = log.component("listener");
  const flood = (): void => {
    for (let i = 0; i < MAX_REPEATS_PER_WINDOW + 5; i += 1) component.warn({ backend: "b", i }, "no answer");
  };
  const told = () => records().filter((record) => record["repeated"] === "no answer");
  flood();
  advance(REPEAT_WINDOW_MS - 1);
  log.sweep();
  assert.equal(told().length, 0, "the window is not over");
  advance(1);
  log.sweep();
  log.sweep();
  assert.deepEqual(
    told().map(({ suppressed, about }) => ({ suppressed, about })),
    [{ suppressed: 5, about: "backend=b" }],
  );
  flood();
  log.sweep(true);
  assert.equal(told().length, 2);
});

test("the limiter's memory is bounded", () => {
  const limiter = new RepeatLimiter(() => 0);
  for (let i = 0; i < MAX_REPEAT_KINDS; i += 1) assert.equal(limiter.admit(`kind ${i}`), true);
  const beyond = Array.from({ length: 100 }, (_, i) => limiter.admit(`other ${i}`));
  assert.equal(beyond.filter(Boolean).length, MAX_REPEATS_PER_WINDOW);
  assert.equal(limiter.admit("kind 0"), true);
});

test("lines for people", () => {
  const { log, lines } = harness();
  log.component("gateway").info({ address: "0.0.0.0:80", note: "two words", evil: "a\nb" }, "listening");
  const plain = humanLine(lines[0] ?? "", false);
  assert.match(
    plain,
    /^\S+Z INFO {2}gateway: listening worker=3 address=0\.0\.0\.0:80 note="two words" evil="a\\nb"\n$/,
  );
  assert.match(humanLine(lines[0] ?? "", true), /\u001b\[32mINFO /);
});

const OPTIONS: readonly [Environment, object][] = [
  [{}, { format: "json", threshold: "info" }],
  [
    { LB_LOG_FORMAT: "TEXT", LB_LOG: "Debug" },
    { format: "text", threshold: "debug" },
  ],
  [
    { LB_LOG_FORMAT: "plain", RUST_LOG: "warn" },
    { format: "plain", threshold: "warn" },
  ],
  [{ RUST_LOG: "lb_core=debug,error" }, { format: "json", threshold: "error" }],
  [{ RUST_LOG: "lb_core=debug" }, { format: "json", threshold: "info" }],
  [
    { LB_LOG: "off", RUST_LOG: "debug" },
    { format: "json", threshold: "off" },
  ],
];

for (const [environment, expected] of OPTIONS) {
  test(`environment ${JSON.stringify(environment)}`, () => {
    assert.deepEqual(logOptionsFromEnvironment(environment), expected);
  });
}

test("unknown formats and levels are refused with the allowed ones", () => {
  assert.throws(
    () => logOptionsFromEnvironment({ LB_LOG_FORMAT: "xml" }),
    /"xml"; allowed: json, text, plain/,
  );
  assert.throws(() => logOptionsFromEnvironment({ LB_LOG: "loud" }), LogOptionsError);
});
