/** The environment in strings: what is expanded, what is left alone, what is an error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { interpolate } from "./interpolate.ts";

const env = { HOST: "example.com", EMPTY: "", TRICKY: "${HOST}" };

function check(input: string, expected: string): void {
  assert.equal(interpolate(input, env), expected);
}

test("a reference becomes the variable's value", () => {
  check("${HOST}", "example.com");
  check("http://${HOST}:${PORT:-80}/", "http://example.com:80/");
  check("[${EMPTY}]", "[]");
});

test("a default stands for what is unset or empty, and may hold anything but a brace", () => {
  check("${NOPE:-a b:-c$}", "a b:-c$");
  check("${EMPTY:-x}", "x");
  check("${NOPE:-}", "");
});

test("$${ is a literal ${, and a lone dollar is a dollar", () => {
  check("$${HOST}", "${HOST}");
  check("a$b $ ${HOST}$", "a$b $ example.com$");
  check("$$${HOST}", "$${HOST}");
  check("${HOST}${HOST}", "example.comexample.com");
  check("${HOST}$${HOST}", "example.com${HOST}");
});

test("a value is not expanded again", () => {
  check("${TRICKY}", "${HOST}");
});

test("what cannot be expanded is an error with its place", () => {
  for (const [input, offset] of [
    ["ab${NOPE}", 2],
    ["${}", 0],
    ["x${1A}", 1],
    ["${A B}", 0],
    ["${A-b}", 0],
    ["${HOST}${open", 7],
  ] as const) {
    const result = interpolate(input, env);
    assert.ok(typeof result === "object", input);
    assert.equal(result.offset, offset, input);
  }
});

test("names of inherited properties are variables that are not set", () => {
  for (const name of ["toString", "constructor", "__proto__", "hasOwnProperty"]) {
    assert.equal(typeof interpolate(`\${${name}}`, env), "object");
    assert.equal(interpolate(`\${${name}:-d}`, process.env), "d");
  }
});

test("text without ${ stays as it is", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!text.includes("${"));
      assert.equal(interpolate(text, env), text);
    }),
  );
});

test("escaping every ${ gives the text back", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("${", "}", "$", "a", ":-", "HOST")), (parts) => {
      const text = parts.join("").replaceAll(/\$+/g, () => "$");
      assert.equal(
        interpolate(
          text.replaceAll("${", () => "$${"),
          env,
        ),
        text,
      );
    }),
  );
});
