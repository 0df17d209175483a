import assert from "node:assert/strict";
import { test } from "node:test";
import { routingHost } from "./routing-host.ts";

test("the host of an authority is lower case, without port and trailing dot", () => {
  const cases: [string, string][] = [
    ["", ""],
    ["example.com", "example.com"],
    ["Example.COM", "example.com"],
    ["example.com:8080", "example.com"],
    ["EXAMPLE.com.:8080", "example.com"],
    ["example.com.", "example.com"],
    ["example.com:", "example.com"],
    ["10.0.0.1:80", "10.0.0.1"],
    ["[2001:DB8::0:1]:443", "2001:db8::1"],
    ["[::ffff:10.0.0.1]", "10.0.0.1"],
    ["[v1.X]:80", "v1.x"],
    ["__proto__", "__proto__"],
  ];
  for (const [authority, host] of cases) assert.equal(routingHost(authority), host, authority);
});
