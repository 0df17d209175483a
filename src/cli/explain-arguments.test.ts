import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_CLIENT, parseExplain } from "./explain-arguments.ts";

test("a request is taken as it is written", () => {
  const request = ["lb.toml", "GET", "HTTPS://Api.example:8443/a/../b%2F?x=1#top"];
  const fields = ["-H", "X-A:  1 ", "--header", "x-b:"];
  const options = ["--client", "::ffff:10.0.0.1", "--listener", "web", "--http", "2", "--all", "--json"];
  const command = parseExplain([...request, ...fields, ...options]);
  assert.deepEqual(command, {
    kind: "explain",
    file: "lb.toml",
    asked: {
      method: "GET",
      scheme: "https",
      authority: "Api.example:8443",
      host: "Api.example",
      port: 8443,
      target: "/a/../b%2F?x=1",
      fields: [
        ["X-A", "1"],
        ["x-b", ""],
      ],
      peer: "10.0.0.1",
      listener: "web",
      http: "2",
    },
    showAll: true,
    json: true,
  });
});

test("what is left out has its usual value", () => {
  const command = parseExplain(["lb.toml", "GET", "http://[::1]?x"]);
  assert.ok(typeof command !== "string");
  const { host, port, target, peer, http } = command.asked;
  assert.deepEqual([host, port, target, peer, http], ["::1", 80, "/?x", DEFAULT_CLIENT, undefined]);
});

const REFUSED: readonly [readonly string[], RegExp][] = [
  [["lb.toml", "GET"], /takes FILE METHOD URL/],
  [["lb.toml", "GET", "http://a", "b"], /unexpected argument "b"/],
  [["lb.toml", "GET", "a.example/x"], /no URL/],
  [["lb.toml", "GET", "ftp://a"], /no URL/],
  [["lb.toml", "G T", "http://a"], /no method/],
  [["lb.toml", "GET", "http://u:p@a"], /names a user/],
  [["lb.toml", "GET", "http://a:99999"], /no host/],
  [["lb.toml", "GET", "http://a/b c"], /no blanks/],
  [["lb.toml", "GET", "http://a", "-H", "novalue"], /'Name: value'/],
  [["lb.toml", "GET", "http://a", "-H", "a: b\r\nc: d"], /'Name: value'/],
  [["lb.toml", "GET", "http://a", "--client", "me"], /IP address/],
  [["lb.toml", "GET", "http://a", "--http", "4"], /takes 1\.1, 2, 3/],
  [["lb.toml", "GET", "http://a", "--verbose"], /^Unknown option '--verbose'$/],
];

for (const [args, message] of REFUSED) {
  test(`explain ${JSON.stringify(args)} is refused`, () => {
    const refusal = parseExplain(args);
    assert.ok(typeof refusal === "string");
    assert.match(refusal, message);
  });
}
