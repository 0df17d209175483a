/**
 * The mechanical rules of this code base, as tests: sizes, import direction, what a folder may not
 * know, what must be documented. A file that breaks a rule for a good reason stands in `ALLOWED`, and
 * an entry that is no longer needed is a failure, so that the list only shrinks.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, it } from "node:test";
import { parse } from "smol-toml";
import { FAULTS } from "../src/base/fault.ts";
import { gatewaySchema } from "../src/control/config/schema/gateway.ts";
import { codeLines, filesMatching, importsOf, ROOT, type SourceFile } from "./support/source-files.ts";

const MAX_CODE_LINES = 300;
/** Tables of cases are read from top to bottom and nobody holds them in mind as a whole. */
const MAX_TEST_CODE_LINES = 600;

/** Rule, then the files that may break it, each with its reason. */
const ALLOWED: Readonly<Record<string, Readonly<Record<string, string>>>> = {};

const all = filesMatching(
  "src/**/*.ts",
  "test/**/*.ts",
  "bench/**/*.ts",
  "conformance/**/*.ts",
  "scripts/**/*.ts",
);
const product = all.filter(({ path }) => path.startsWith("src/") && !/\.(?:test|contract)\.ts$/.test(path));
const prose = filesMatching(
  "*.md",
  "docs/**/*.md",
  "bench/*.md",
  "deploy/**/*",
  "config/**/*.toml",
  "native/**/*.{cc,h}",
  "scripts/*.sh",
  "bin/*",
  ".ci/run",
);

/** Reports every file for which `problem` gives a text, except the allowed ones. */
function rule(
  name: string,
  files: readonly SourceFile[],
  problem: (file: SourceFile) => string | undefined,
): void {
  it(name, () => {
    const allowed = ALLOWED[name] ?? {};
    const found = files.flatMap((file) => {
      const text = problem(file);
      return text === undefined ? [] : [{ path: file.path, text }];
    });
    const unexpected = found
      .filter(({ path }) => !(path in allowed))
      .map(({ path, text }) => `${path}: ${text}`);
    assert.deepEqual(unexpected, []);
    const needed = new Set(found.map(({ path }) => path));
    assert.deepEqual(
      Object.keys(allowed).filter((path) => !needed.has(path)),
      [],
      "no longer needed: remove it from the list",
    );
  });
}

function firstMatch(text: string, pattern: RegExp): string | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  return `line ${text.slice(0, match.index).split("\n").length}: ${match[0].trim()}`;
}

/** Code without comments and without the insides of strings, so that words in them do not count. */
function bareCode(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, " "))
    .replaceAll(/(^|[^:"'`])\/\/.*$/gm, "$1")
    .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

describe("every file", () => {
  rule("is of a size that can be held in mind", all, ({ path, text }) => {
    const lines = codeLines(text);
    const cap = path.endsWith(".test.ts") ? MAX_TEST_CODE_LINES : MAX_CODE_LINES;
    return lines > cap ? `${lines} code lines, at most ${cap}` : undefined;
  });

  /** A unit test is explained by the file that it stands beside. */
  const explained = all.filter(({ path }) => !(path.startsWith("src/") && path.endsWith(".test.ts")));
  rule("says at its top what it is", explained, ({ text }) =>
    /^(?:#!.*\n)?\s*(?:\/\*\*?|\/\/)/.test(text) ? undefined : "no comment at the top",
  );

  rule("exports by name", all, ({ text }) => firstMatch(bareCode(text), /^export default\b/m));

  rule("imports with the extension", all, ({ text }) =>
    importsOf(text).find((name) => name.startsWith(".") && !/\.(?:ts|json)$/.test(name)),
  );

  rule("imports from where a thing is defined", all, ({ text }) =>
    importsOf(text).find((name) => name.endsWith("/index.ts")),
  );

  rule("leaves nothing for later", [...all, ...prose], ({ path, text }) =>
    path === "test/tidy.test.ts" ? undefined : firstMatch(text, /\b(?:TODO|FIXME|XXX|HACK)\b/),
  );

  rule("runs all of its tests", all, ({ path, text }) =>
    path.endsWith(".test.ts")
      ? firstMatch(bareCode(text), /\b(?:it|test|describe|suite)\.only\(/)
      : undefined,
  );

  rule("holds no path of somebody's machine", [...all, ...prose], ({ text }) =>
    firstMatch(text, /(?<![\w.~-])\/(?:work|root|Users\/\w+|home\/\w+)\//),
  );
});

describe("the product", () => {
  const LAYERS = ["base", "wire", "fastpath", "proxy", "control"];
  const layerOf = (path: string): number => {
    const index = LAYERS.indexOf(path.split("/")[1] ?? "");
    return index < 0 ? LAYERS.length : index;
  };

  rule("imports downwards only", product, ({ path, text }) =>
    importsOf(text).find((name) => {
      if (!name.startsWith(".")) return false;
      const target = posix.normalize(posix.join(posix.dirname(path), name));
      return layerOf(target) > layerOf(path);
    }),
  );

  const inFolder = (folder: string): SourceFile[] =>
    product.filter(({ path }) => path.startsWith(`src/${folder}/`));

  rule("does no input or output in wire/", inFolder("wire"), ({ text }) =>
    importsOf(text).find((name) =>
      /^node:(?:net|tls|dgram|http|https|http2|fs|timers|child_process|worker_threads|dns)/.test(name),
    ),
  );

  rule("knows no time in wire/", inFolder("wire"), ({ text }) =>
    firstMatch(
      bareCode(text),
      /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|performance\.|Date\b(?!:)|process\.)/,
    ),
  );

  rule(
    "reads no TOML in the data plane",
    [...inFolder("proxy"), ...inFolder("wire"), ...inFolder("fastpath")],
    ({ text }) => importsOf(text).find((name) => /toml|pino|prom-client|undici|\/control\//.test(name)),
  );

  rule("has no mutable state of a module", product, ({ text }) =>
    firstMatch(text, /^(?:export )?(?:let|var) \w+/m),
  );
});

describe("dependencies", () => {
  it("are pinned to exact versions", () => {
    const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as Record<
      string,
      Record<string, string>
    >;
    const blocks = ["dependencies", "devDependencies", "optionalDependencies"];
    const loose = blocks.flatMap((block) =>
      Object.entries(manifest[block] ?? {}).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    );
    assert.deepEqual(loose, []);
  });
});

describe("the documents", () => {
  const documents = filesMatching("docs/**/*.md");
  const configDocument = existsSync(`${ROOT}docs/CONFIG.md`)
    ? readFileSync(`${ROOT}docs/CONFIG.md`, "utf8")
    : "";

  it("name every config key", () => {
    const keys = schemaKeys(gatewaySchema);
    assert.ok(keys.length > 100, "the schema was walked");
    const missing = keys.filter((key) => !new RegExp(`[\`[.]${key}\\b`).test(configDocument));
    assert.deepEqual(missing, []);
  });

  it("name every fault code", () => {
    const missing = Object.keys(FAULTS).filter(
      (code) => !documents.some(({ text }) => text.includes(`\`${code}\``)),
    );
    assert.deepEqual(missing, []);
  });

  rule("are valid TOML where they are examples", filesMatching("config/**/*.toml"), ({ text }) => {
    try {
      parse(text.replaceAll(/\$\{\w+\}/g, "x"));
      return undefined;
    } catch (error) {
      return String(error).split("\n")[0];
    }
  });
});

describe("fault codes", () => {
  it("are all used", () => {
    const users = product.filter(({ path }) => path !== "src/base/fault.ts").map(({ text }) => text);
    const unused = Object.keys(FAULTS).filter((code) => !users.some((text) => text.includes(`"${code}"`)));
    assert.deepEqual(unused, []);
  });
});

/** Names of all keys in the schema, of whatever table. */
function schemaKeys(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  const { fields, item } = node as {
    readonly fields?: Readonly<Record<string, unknown>>;
    readonly item?: unknown;
  };
  const own = Object.entries(fields ?? {}).flatMap(([key, field]) => [key, ...schemaKeys(field)]);
  return [...new Set([...own, ...schemaKeys(item)])];
}
