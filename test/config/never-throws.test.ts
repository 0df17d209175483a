/** Whatever a file holds, it is read or refused with reasons: reading it never throws and never takes long. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseConfig } from "../../src/control/config/parse-config.ts";
import { renderIssues } from "../../src/control/config/render.ts";
import { allFields } from "./schema-fields.ts";

function checkTotal(text: string): void {
  const { config, issues } = parseConfig(text, { file: "x.toml", env: { A: "1" }, cpus: 1 });
  assert.equal(
    config === undefined,
    issues.some((issue) => issue.severity === "error"),
    text,
  );
  assert.equal(typeof renderIssues(issues, text, "x.toml"), "string");
}

const keys = [...new Set(allFields().map(({ key }) => key))];
const strange = ["__proto__", "constructor", "toString", "hasOwnProperty", '""', '"a.b"', "'\\'", "x"];
const key = fc.constantFrom(...keys, ...strange);
const scalar = fc.constantFrom(
  "1",
  "0",
  "-1",
  "99999999999999999999",
  "1.5",
  "nan",
  "-inf",
  "true",
  '"h1"',
  '""',
  '"127.0.0.1:80"',
  '"10s"',
  '"${A}"',
  '"${B}"',
  '"${"',
  '"round_robin"',
  '"rate-limit"',
  '"Host(`a`)"',
  '"\\u0000"',
  "1979-05-27",
  "07:32:00",
);
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
    fc
      .uniqueArray(fc.tuple(key, tie("value")), { maxLength: 3, selector: ([name]) => name })
      .map((pairs) => `{ ${pairs.map(([name, inner]) => `${name} = ${inner}`).join(", ")} }`),
  ),
}));
const header = fc
  .tuple(fc.array(key, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([path, isArray]) => (isArray ? `[[${path.join(".")}]]` : `[${path.join(".")}]`));
const line = fc.oneof(
  header,
  fc.tuple(key, value).map(([name, inner]) => `${name} = ${inner}`),
  fc.string(),
);

test("random text", () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), checkTotal), { numRuns: 2000 });
});

test("random lines of headers and keys", () => {
  const file = fc.array(line, { maxLength: 30 }).map((lines) => lines.join("\n"));
  fc.assert(fc.property(file, checkTotal), { numRuns: 2000 });
});

test("random values under the keys of the schema", () => {
  const block = fc.constantFrom(
    "[[listeners]]",
    "[listeners.http]",
    "[[listeners.backends]]",
    "[runtime]",
    "[routers.a]",
    "[services.__proto__]",
    "[[services.b.backends]]",
    "[middlewares.c]",
    "[observability]",
  );
  const pairs = fc.uniqueArray(fc.tuple(key, value), { maxLength: 6, selector: ([name]) => name });
  const section = fc
    .tuple(block, pairs)
    .map(([title, entries]) => [title, ...entries.map(([name, inner]) => `${name} = ${inner}`)].join("\n"));
  const file = fc.uniqueArray(section, { maxLength: 6, selector: (text) => text.split("\n")[0] });
  fc.assert(
    fc.property(
      file.map((sections) => sections.join("\n")),
      checkTotal,
    ),
    { numRuns: 2000 },
  );
});

test("large and deep files are refused, not suffered", { timeout: 60_000 }, () => {
  checkTotal(`a = ${"[".repeat(100_000)}`);
  checkTotal(`${Array.from({ length: 20_000 }, () => "a").join(".")} = 1`);
  checkTotal(`[${Array.from({ length: 20_000 }, () => "a").join(".")}]`);
  checkTotal(Array.from({ length: 20_000 }, (_, index) => `k${index} = 1`).join("\n"));
  checkTotal("[[listeners]]\n".repeat(2000));
  checkTotal(`x = "${"${".repeat(50_000)}"`);
  checkTotal(`[runtime]\nworkers = ${"9".repeat(5000)}`);
});
