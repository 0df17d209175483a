/**
 * What every QUIC engine must do (`quic-engine.ts`): two of its connections talk to each other over a
 * network in memory, which can lose, double, reorder and spoil. Each engine's test runs it.
 */
import { testCloses } from "./quic-engine-closes.contract.ts";
import { testDatagrams } from "./quic-engine-datagrams.contract.ts";
import { testFrames } from "./quic-engine-frames.contract.ts";
import { testHandshakes } from "./quic-engine-handshakes.contract.ts";
import { testHostile } from "./quic-engine-hostile.contract.ts";
import { testNetwork } from "./quic-engine-network.contract.ts";
import { testPaths } from "./quic-engine-paths.contract.ts";
import type { QuicEngineTraits } from "./quic-engine-peers.contract.ts";
import { testResets } from "./quic-engine-resets.contract.ts";
import { testSessions } from "./quic-engine-sessions.contract.ts";
import { testSettings } from "./quic-engine-settings.contract.ts";
import { testStops } from "./quic-engine-stops.contract.ts";
import { testStreams } from "./quic-engine-streams.contract.ts";

export function testQuicEngine(traits: QuicEngineTraits): void {
  testSettings(traits);
  testHandshakes(traits);
  testSessions(traits);
  testStreams(traits);
  testResets(traits);
  testStops(traits);
  testDatagrams(traits);
  testCloses(traits);
  testPaths(traits);
  testNetwork(traits);
  testHostile(traits);
  testFrames(traits);
}
