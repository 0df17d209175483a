import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments } from "./parse-arguments.ts";

const CASES: readonly [string, object][] = [
  ["", { kind: "run", file: undefined }],
  ["/etc/lb.toml", { kind: "run", file: "/etc/lb.toml" }],
  ["lb.toml", { kind: "run", file: "lb.toml" }],
  ["check", { kind: "check", file: undefined }],
  ["check ./check", { kind: "check", file: "./check" }],
  ["schema", { kind: "schema" }],
  ["demo", { kind: "demo" }],
  ["--version", { kind: "version" }],
  ["-V", { kind: "version" }],
  ["--help", { kind: "help" }],
  ["check --help", { kind: "help" }],
  ["explain -H a:b --help", { kind: "help" }],
];

for (const [line, command] of CASES) {
  test(`expressgateway ${line}`, () => {
    assert.deepEqual(parseArguments(line.split(" ").filter((word) => word !== "")), command);
  });
}

const REFUSED: readonly [string, RegExp][] = [
  ["--config /etc/lb.toml", /no option --config: the path is positional/],
  ["--config=/etc/lb.toml", /the path is positional/],
  ["-c lb.toml", /the path is positional/],
  ["--verison", /unknown option --verison: did you mean --version\?/],
  ["--workers 3", /^unknown option --workers$/],
  ["chekc lb.toml", /unexpected argument|did you mean "check"/],
  ["shcema", /no command "shcema": did you mean "schema"\?/],
  ["validate", /did you mean "check"\?/],
  ["run", /write only the file/],
  ["a.toml b.toml", /unexpected argument "b.toml"/],
  ["check a.toml b.toml", /one file, not 2/],
  ["schema x", /takes no arguments/],
  ["explian lb.toml", /unexpected argument/],
  ["explain lb.toml GET", /takes FILE METHOD URL/],
  ["explain lb.toml GET http://a --http 9", /--http takes/],
];

for (const [line, message] of REFUSED) {
  test(`expressgateway ${line} is refused`, () => {
    const command = parseArguments(line.split(" "));
    assert.ok(command.kind === "usage", `got ${command.kind}`);
    assert.match(command.message, message);
  });
}
