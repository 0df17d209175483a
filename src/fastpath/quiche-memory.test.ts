import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { waitFor } from "../../test/support/wait-for.ts";
import { CLIENT, clientSettings, ID_BYTES, SERVER } from "./quic-engine-peers.contract.ts";
import { loadQuiche } from "./quiche-binding.ts";
import { QuicheEngine } from "./quiche-engine.ts";
import { QuicheMemory } from "./quiche-memory.ts";

const COUNT = 50;
const load = await loadQuiche();
const skip = load.kind === "missing" ? load.reason : false;

test(
  "what connections take is told when they are made, and taken back when they were collected",
  { skip },
  async () => {
    assert.ok(load.kind === "loaded");
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    let told = 0;
    const engine = new QuicheEngine(load.quiche, new QuicheMemory((bytes) => (told += bytes)));
    const context = engine.client(clientSettings());
    const path = { local: CLIENT, remote: SERVER };
    let connections = Array.from({ length: COUNT }, () =>
      engine.connect(context, randomBytes(ID_BYTES), path),
    );
    assert.ok(connections.every((connection) => connection !== null));
    assert.ok(told >= COUNT * 10_000, `${told}`);
    connections = [];
    await waitFor("the collection", () => {
      collect();
      return told === 0;
    });
  },
);
