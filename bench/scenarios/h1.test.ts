/** The table of scenarios is whole and names them unmistakably. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { examples } from "../harness/load.ts";
import { H1_SCENARIOS } from "./h1.ts";
import { H2_SCENARIOS } from "./h2.ts";
import { H3_SCENARIOS } from "./h3.ts";
import { chosenScenarios } from "./scenario.ts";

const requests = H1_SCENARIOS.filter((scenario) => scenario.kind === "requests");

describe("the scenarios", () => {
  it("have names and titles of their own", () => {
    for (const scenarios of [H1_SCENARIOS, H2_SCENARIOS, H3_SCENARIOS]) {
      assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
      assert.equal(new Set(scenarios.map(({ title }) => title)).size, scenarios.length);
    }
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
    const names = chosenScenarios(H1_SCENARIOS, ["close", "keep-alive"]).map(({ name }) => name);
    assert.deepEqual(names, ["keep-alive", "close"]);
    assert.equal(chosenScenarios(H1_SCENARIOS, ["all"]).length, H1_SCENARIOS.length);
  });

  it("refuses a name that there is not", () =>
    assert.throws(() => chosenScenarios(H1_SCENARIOS, ["fast"]), /no scenario fast/));
});
