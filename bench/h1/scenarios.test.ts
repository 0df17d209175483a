/** The table of scenarios is whole and names them unmistakably. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { examples } from "../harness/load.ts";
import { chosenScenarios, H1_SCENARIOS } from "./scenarios.ts";

const requests = H1_SCENARIOS.filter((scenario) => scenario.kind === "requests");

describe("the scenarios", () => {
  it("have names and titles of their own", () => {
    assert.equal(new Set(H1_SCENARIOS.map(({ name }) => name)).size, H1_SCENARIOS.length);
    assert.equal(new Set(H1_SCENARIOS.map(({ title }) => title)).size, H1_SCENARIOS.length);
  });

  it("send bodies only to backends that read them", () => {
    for (const { name, load, backends } of requests) {
      const sends = examples(load).some(({ body }) => body !== undefined);
      assert.equal(backends === "reading", sends, name);
    }
  });

  it("count as body what goes both ways", () => {
    for (const { name, load, bodyKib } of requests) {
      if (bodyKib === undefined) continue;
      const [example] = examples(load);
      const bytes = (example?.body?.bytes ?? 0) + (example?.answerBytes ?? 0);
      assert.equal(Math.floor(bytes / 1024), bodyKib, name);
    }
  });

  it("have routes where requests ask for them", () => {
    for (const { name, load, routes } of requests) {
      assert.equal(routes, load.kind === "routes" ? load.count : undefined, name);
    }
  });
});

describe("chosenScenarios", () => {
  it("keeps the order of the table", () => {
    const names = chosenScenarios(["close", "keep-alive"]).map(({ name }) => name);
    assert.deepEqual(names, ["keep-alive", "close"]);
    assert.equal(chosenScenarios(["all"]).length, H1_SCENARIOS.length);
  });

  it("refuses a name that there is not", () =>
    assert.throws(() => chosenScenarios(["fast"]), /no scenario fast/));
});
