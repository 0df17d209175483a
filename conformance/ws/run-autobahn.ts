/**
 * Runs Autobahn's cases through a running gateway, with an echo server on `ws` behind it and a tester of
 * our own before it, over either version of HTTP.
 */
import { freePort } from "../../test/support/addresses.ts";
import { Gateway, type CleanupScope } from "../../test/support/gateway.ts";
import { h1Listener } from "../../test/support/gateway-config.ts";
import { WebSocketBackend } from "../../test/support/websocket-backend.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { type AutobahnCase, loadCases } from "./autobahn-cases.ts";
import type { StreamOpener } from "../../test/support/websocket-stream.ts";
import { playDeflate } from "./play-deflate.ts";
import { playFrames } from "./play-frames.ts";

/** Cases under way at one time: most of them wait for a second or two. */
const LANES = 12;

export async function runAutobahn(file: URL, scope: CleanupScope, open: StreamOpener): Promise<CaseResult[]> {
  const cases = loadCases(file);
  const backend = await WebSocketBackend.start(scope, { server: { perMessageDeflate: { threshold: 0 } } });
  const port = await freePort();
  const gateway = await Gateway.start(scope, { listeners: [h1Listener(port, [backend.address])] });
  const results: CaseResult[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < cases.length; index = next++) {
      const testCase = cases[index];
      if (testCase !== undefined)
        results[index] = { id: testCase.id, problem: await play(testCase, port, open) };
    }
  };
  await Promise.all(Array.from({ length: LANES }, work));
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

async function play(testCase: AutobahnCase, port: number, open: StreamOpener): Promise<string | undefined> {
  try {
    return await (testCase.kind === "frames"
      ? playFrames(testCase, port, open)
      : playDeflate(testCase, port, open));
  } catch (error) {
    return String(error);
  }
}
