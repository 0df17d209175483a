/**
 * What TLS must be on every transport (`tls.ts`, and what `transport.ts` says about it), with peers that
 * are not ours: node:tls, OpenSSL's own client, curl, and a client that breaks the rules. Each
 * implementation's test runs it.
 */
import { testBytes } from "./tls-bytes.contract.ts";
import { testClients } from "./tls-clients.contract.ts";
import { testCuts } from "./tls-cuts.contract.ts";
import { testTlsEnds } from "./tls-ends.contract.ts";
import { testHandshakes } from "./tls-handshakes.contract.ts";
import { testHostile } from "./tls-hostile.contract.ts";
import { testNames } from "./tls-names.contract.ts";
import type { TlsTraits } from "./tls-peers.contract.ts";
import { testSessions } from "./tls-sessions.contract.ts";
import { testTools } from "./tls-tools.contract.ts";
import { testTrust } from "./tls-trust.contract.ts";

export function testTls(traits: TlsTraits): void {
  testHandshakes(traits);
  testNames(traits);
  testTrust(traits);
  testClients(traits);
  testSessions(traits);
  testBytes(traits);
  testTlsEnds(traits);
  testCuts(traits);
  testHostile(traits);
  testTools(traits);
}
