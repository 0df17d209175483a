/** The command line means what the usage says. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readOptions } from "./options.ts";

describe("the options", () => {
  it("have the defaults of a measurement", () => {
    const options = readOptions(["h1"]);
    assert.deepEqual(options.scenarios, undefined);
    assert.deepEqual(options.transports, ["auto"]);
    assert.equal(options.only, undefined);
    assert.ok(options.rounds >= 5, "medians of at least five rounds");
    assert.equal(options.compare, undefined);
    assert.equal(options.smoke, false);
  });

  it("take the length of a run or of the soak", () => {
    assert.equal(readOptions(["soak"]).seconds, 600);
    assert.equal(readOptions(["soak", "--seconds", "20"]).seconds, 20);
    assert.equal(readOptions([]).seconds, 3);
  });

  it("take lists with commas and repeated options, in any case, without doubles", () => {
    const { transports, only } = readOptions([
      "h1",
      "--transport",
      "net,EPOLL",
      "--transport=net",
      "--only",
      "Nginx",
    ]);
    assert.deepEqual(transports, ["net", "epoll"]);
    assert.deepEqual(only, ["nginx"]);
  });

  it("refuse what they do not know", () => {
    assert.throws(
      () => readOptions(["h1", "--transport", "carrier-pigeon"]),
      /knows auto, net, epoll, io_uring/,
    );
    assert.throws(() => readOptions(["h1", "--only", "apache"]), /apache/);
    assert.throws(() => readOptions(["h1", "--rounds", "0"]), /--rounds/);
    assert.throws(() => readOptions(["h1", "--seconds", "1.5"]), /--seconds/);
    assert.throws(() => readOptions(["h1", "--colour"]), /colour/);
  });
});
