/** The scenarios of TLS and HTTP/2 towards clients; backends speak HTTP/1.1. */
import type { Driver } from "../harness/driver.ts";
import { SMALL, type RequestScenario, type Scenario } from "./scenario.ts";

export const H2_SCENARIOS: readonly Scenario[] = [
  scenario("h2-4x64", "HTTP/2, small GET, 4 connections of 64 streams", 4, { kind: "h2load", streams: 64 }),
  scenario("h2-32x8", "HTTP/2, small GET, 32 connections of 8 streams", 32, { kind: "h2load", streams: 8 }),
  scenario("tls-keep-alive", "HTTP/1.1 over TLS, small GET, 64 connections", 64, { kind: "wrk" }),
  scenario("handshake-ecdsa", "full TLS handshakes with a request each, ECDSA", 4, handshakes(false)),
  {
    ...scenario("handshake-rsa", "full TLS handshakes with a request each, RSA", 4, handshakes(false)),
    tls: "rsa",
  },
  scenario("resume-ecdsa", "resumed TLS handshakes with a request each", 4, handshakes(true)),
];

function scenario(name: string, title: string, connections: number, driver: Driver): RequestScenario {
  return { kind: "requests", name, title, load: SMALL, driver, connections, backends: "static", tls: "ec" };
}

function handshakes(resumed: boolean): Driver {
  return { kind: "handshakes", resumed };
}
