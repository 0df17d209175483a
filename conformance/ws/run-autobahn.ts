/**
 * Runs Autobahn's cases through a running gateway, with an echo server on `ws` behind it and a tester of
 * our own before it, over each version of HTTP; HTTP/3 is carried by an independent peer.
 */
import type { ServerOptions } from "ws";
import { freePort } from "../../test/support/addresses.ts";
import { Gateway, type CleanupScope } from "../../test/support/gateway.ts";
import { h1Listener } from "../../test/support/gateway-config.ts";
import { WebSocketBackend } from "../../test/support/websocket-backend.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";
import { type AutobahnCase, loadCases } from "./autobahn-cases.ts";
import { backendOf, listenerOf, siteOf } from "../matrix/cells.ts";
import { H3Clients } from "../peers/h3-client.ts";
import { openWebSocket } from "../peers/h3-websocket.ts";
import { startWebSocketOverH3 } from "../peers/h3-websocket-backend.ts";
import { openOverH1, openOverH2, type StreamOpener } from "../../test/support/websocket-stream.ts";
import { type DeflateMeans, playDeflate } from "./play-deflate.ts";
import { playFrames } from "./play-frames.ts";

/** Cases under way at one time: most of them wait for a second or two. */
const LANES = 12;

/** Where the cases are played: the version of HTTP before the gateway, and behind it where it is not HTTP/1.1. */
export type Way = "h1" | "h2" | "h3" | "h1-h3";

interface Scene {
  readonly listener: Readonly<Record<string, unknown>>;
  readonly open: StreamOpener;
}

const ECHO: ServerOptions = { perMessageDeflate: { threshold: 0 } };

/** Who carries HTTP/3 on either side: it is not our own. */
const PEER = "aioquic";

/** Compressed messages of one case over HTTP/3: it takes a millisecond of its CPU for each. */
const MAX_PEER_MESSAGES = 100;

export async function runAutobahn(file: URL, scope: CleanupScope, way: Way): Promise<CaseResult[]> {
  const cases = loadCases(file);
  const port = await freePort();
  const { listener, open } = await sceneOf(scope, way, port);
  const means = { open, maxCount: way === "h1" || way === "h2" ? Infinity : MAX_PEER_MESSAGES };
  const gateway = await Gateway.start(scope, { listeners: [listener] });
  const results: CaseResult[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < cases.length; index = next++) {
      const testCase = cases[index];
      if (testCase !== undefined)
        results[index] = { id: testCase.id, problem: await play(testCase, port, means) };
    }
  };
  await Promise.all(Array.from({ length: LANES }, work));
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

async function sceneOf(scope: CleanupScope, way: Way, port: number): Promise<Scene> {
  if (way === "h1-h3") return await sceneBehind(scope, port);
  const backend = await WebSocketBackend.start(scope, { server: ECHO });
  const plain = h1Listener(port, [backend.address]);
  switch (way) {
    case "h1":
      return { listener: plain, open: openOverH1 };
    case "h2":
      return { listener: plain, open: openOverH2 };
    case "h3": {
      const clients = new H3Clients(scope, PEER);
      return {
        listener: listenerOf(siteOf(scope), {
          name: "web",
          front: "h3",
          port,
          backend: { address: backend.address, protocol: "h1" },
        }),
        open: (to, offer) => openWebSocket(clients, to, { path: "/", offer }),
      };
    }
  }
}

/** HTTP/3 behind the gateway. */
async function sceneBehind(scope: CleanupScope, port: number): Promise<Scene> {
  const site = siteOf(scope);
  const spec = { peer: PEER, certificate: site.paths, options: ECHO } as const;
  const address = await startWebSocketOverH3(scope, spec);
  return { listener: h1Listener(port, [backendOf(site, "h3", address)]), open: openOverH1 };
}

async function play(testCase: AutobahnCase, port: number, means: DeflateMeans): Promise<string | undefined> {
  try {
    return await (testCase.kind === "frames"
      ? playFrames(testCase, port, means.open)
      : playDeflate(testCase, port, means));
  } catch (error) {
    return String(error);
  }
}
