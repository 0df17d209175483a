/** The part of the TLS contract about client certificates: whom a server believes. */
import assert from "node:assert/strict";
import type { ConnectionOptions } from "node:tls";
import { EXPIRED, NOT_YET_VALID, type TestIdentity } from "../../test/support/certificates.ts";
import {
  alone,
  asking,
  assertTlsError,
  attempt,
  authority,
  echo,
  secured,
  serve,
  stranger,
  type TlsTraits,
} from "./tls-peers.contract.ts";
import { TLS_VERSIONS, type TlsVersion } from "./tls.ts";

const good = authority.issue({ commonName: "good", purpose: "client" });
const revoked = authority.issue({ commonName: "revoked", purpose: "client" });
const below = authority.intermediate().issue({ commonName: "below", purpose: "client" });

/** Certificates that nobody may come in with, and what OpenSSL says about them. */
const REFUSED: Readonly<Record<string, readonly [TestIdentity, RegExp]>> = {
  "an expired one": [authority.issue({ purpose: "client", ...EXPIRED }), /expired/],
  "one that is not valid yet": [authority.issue({ purpose: "client", ...NOT_YET_VALID }), /not yet valid/],
  "a stranger's": [stranger.issue({ purpose: "client" }), /issuer|self.signed|verif/],
  "a server's": [authority.issue({ purpose: "server" }), /purpose/],
  "a revoked one": [revoked, /revoked/],
};

function showing(shown: TestIdentity | null, version: TlsVersion): ConnectionOptions {
  const common = { minVersion: version, maxVersion: version };
  return shown === null ? common : { ...common, cert: shown.certPem, key: shown.keyPem };
}

export function testTrust(traits: TlsTraits): void {
  const it = alone(traits);
  const crl = authority.crl([revoked]);

  for (const version of TLS_VERSIONS) {
    it(`${version}: who does not ask for a certificate gets none`, async (transport) => {
      const { own } = await secured(await serve(transport), showing(good, version));
      assert.equal(own.tls?.peerCertificate, null);
    });

    it(`${version}: a good certificate is told, whether asked for or required`, async (transport) => {
      for (const mode of ["request", "require"] as const) {
        const served = await serve(transport, asking(mode));
        for (const shown of [good, below]) {
          const pair = await secured(served, showing(shown, version));
          assert.deepEqual(pair.own.tls?.peerCertificate, shown.der);
          await echo(transport, pair);
        }
        const checked = await secured(await serve(transport, asking(mode, crl)), showing(good, version));
        assert.deepEqual(checked.own.tls?.peerCertificate, good.der);
      }
    });

    it(`${version}: who has none comes in where one is asked for, not where it is required`, async (transport) => {
      const asked = await secured(await serve(transport, asking("request", crl)), showing(null, version));
      assert.equal(asked.own.tls?.peerCertificate, null);
      await echo(transport, asked);
      const required = await attempt(await serve(transport, asking("require")), showing(null, version));
      assertTlsError(required.own, /certificate/);
      assert.ok(!required.own.has("connect"));
    });

    it(`${version}: a certificate that is not good is refused, with the reason`, async (transport) => {
      for (const mode of ["request", "require"] as const) {
        const served = await serve(transport, asking(mode, crl));
        for (const [what, [shown, reason]] of Object.entries(REFUSED)) {
          const { own, peer } = await attempt(served, showing(shown, version));
          assert.ok(!own.has("connect"), what);
          assertTlsError(own, reason);
          await peer.until("the end", () => peer.closed || peer.ended);
          peer.socket.destroy();
        }
      }
    });

    it(`${version}: what a refused client sends at once is heard by nobody`, async (transport) => {
      const served = await serve(transport, asking("require"));
      const [stranger] = REFUSED["a stranger's"] as readonly [TestIdentity, RegExp];
      const before = served.acceptor.recorders.length;
      const { own, peer } = await attempt(served, showing(stranger, version));
      peer.socket.write("let me in");
      await own.until("the close", () => own.closed !== null);
      assert.deepEqual(own.events, ["close"]);
      assert.equal(served.acceptor.recorders.length, before + 1);
    });
  }
}
