/** The load is what the scenarios say, and wrk is given all of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { examples, luaScript } from "./load.ts";
import { makeRoutes, routesByHost } from "./routes.ts";

describe("examples", () => {
  it("ask for every route once", () => {
    for (const count of [10, 100, 1000]) {
      const asked = examples({ kind: "routes", count }).map(
        ({ host, path }) => `${host}${path.slice(0, path.lastIndexOf("/") + 1)}`,
      );
      const routes = makeRoutes(count).map(({ host, prefix }) => `${host}${prefix}`);
      assert.deepEqual(asked.toSorted(), routes.toSorted());
    }
  });

  it("mix all sizes, each as often as before it was shuffled", () => {
    const paths = examples({ kind: "mix" }).map(({ path }) => path);
    assert.equal(paths.length, 40);
    assert.equal(paths.filter((path) => path === "/bytes/128").length, 24);
    assert.equal(paths.filter((path) => path === "/bytes/1048576").length, 1);
    const kinds = Array.from({ length: 31 }, (_, from) => new Set(paths.slice(from, from + 10)).size);
    assert.ok(Math.min(...kinds) >= 3, "any ten in a row are of several kinds");
  });

  it("refuse a chunked body that is not made of whole chunks", () => {
    assert.throws(() => examples({ kind: "chunked", bytes: 5000 }), /not a multiple/);
  });
});

describe("the script", () => {
  it("is fixed for one request, and picks from several", () => {
    assert.doesNotMatch(luaScript({ kind: "get", path: "/a" }), /\nrequest = /);
    assert.match(luaScript({ kind: "mix" }), /\nrequest = /);
  });

  it("frames bodies", () => {
    assert.match(
      luaScript({ kind: "upload", bytes: 7 }),
      /Content-Length: 7\\r\\n\\r\\n" \.\. string\.rep\("x", 7\)/,
    );
    const chunked = luaScript({ kind: "chunked", bytes: 16_384 });
    assert.match(
      chunked,
      /Transfer-Encoding: chunked\\r\\n\\r\\n" .*"1000\\r\\n".*, 4\) \.\. "0\\r\\n\\r\\n"/,
    );
  });
});

describe("routes", () => {
  it("are grouped by host in their order", () => {
    const hosts = routesByHost(makeRoutes(25));
    assert.deepEqual(
      [...hosts].map(([host, list]) => `${host} ${list.length}`),
      ["shop0.bench.example 10", "shop1.bench.example 10", "shop2.bench.example 5"],
    );
  });
});
