/** The scenarios of HTTP/3 towards clients; backends speak HTTP/1.1. */
import { SMALL, type RequestScenario, type Scenario } from "./scenario.ts";

const MIB = 1024 * 1024;

export const H3_SCENARIOS: readonly Scenario[] = [
  scenario("h3-4x64", "HTTP/3, small GET, 4 connections of 64 streams", 4, 64),
  scenario("h3-32x8", "HTTP/3, small GET, 32 connections of 8 streams", 32, 8),
  {
    ...scenario("h3-download", "HTTP/3, 1 MiB responses, 4 connections of 4 streams", 4, 4),
    load: { kind: "get", path: "/1m", answerBytes: MIB },
    bodyKib: 1024,
  },
];

function scenario(name: string, title: string, connections: number, streams: number): RequestScenario {
  const driver = { kind: "h3", streams } as const;
  return { kind: "requests", name, title, load: SMALL, driver, connections, backends: "static", tls: "ec" };
}
