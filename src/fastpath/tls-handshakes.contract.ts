/** The part of the TLS contract about what is agreed on: versions, ciphers, groups, ALPN, staples; and settings that are wrong. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { CertificateAuthority } from "../../test/support/certificates.ts";
import {
  alone,
  asking,
  assertTlsError,
  attempt,
  authority,
  certificate,
  clientSettings,
  dial,
  echo,
  identity,
  reach,
  secured,
  serve,
  serverSettings,
  type TlsTraits,
} from "./tls-peers.contract.ts";
import { TLS_VERSIONS, type TlsClientSettings, type TlsServerSettings } from "./tls.ts";

export function testHandshakes(traits: TlsTraits): void {
  testVersions(traits);
  testSuites(traits);
  testAlpn(traits);
  testStaples(traits);
  testKeyLog(traits);
  testSettings(traits);
}

function only(version: "TLSv1.1" | "TLSv1.2" | "TLSv1.3"): ConnectionOptions {
  return { minVersion: version, maxVersion: version };
}

function testVersions(traits: TlsTraits): void {
  const it = alone(traits);

  for (const version of TLS_VERSIONS) {
    it(`${version} is spoken, and told`, async (transport) => {
      const pair = await secured(await serve(transport), only(version));
      assert.deepEqual(pair.own.events, ["connect"]);
      assert.equal(pair.own.tls?.version, version);
      assert.equal(pair.peer.tls.getProtocol(), version);
      await echo(transport, pair);
    });
  }

  it("a version below the least is refused with an alert", async (transport) => {
    const strict = await serve(transport, { minVersion: "TLSv1.3" });
    const { own, peer } = await attempt(strict, only("TLSv1.2"));
    assertTlsError(own, /version|protocol/);
    await peer.until("the alert", () => peer.closed);
    assert.match(peer.reason, /alert protocol version/);
    await secured(strict, only("TLSv1.3"));
  });

  it("nothing older than TLS 1.2 is spoken, whoever asks", async (transport) => {
    const old = { ...only("TLSv1.1"), ciphers: "DEFAULT@SECLEVEL=0" };
    const { own, peer } = await attempt(await serve(transport), old);
    assertTlsError(own);
    await peer.until("the alert", () => peer.closed);
    assert.match(peer.reason, /alert protocol version/);
  });
}

function testSuites(traits: TlsTraits): void {
  const it = alone(traits);

  it("suites are those with forward secrecy and authenticated encryption, told by their IANA names", async (transport) => {
    const rsa = new CertificateAuthority("RSA", "rsa").issue({ key: "rsa" });
    const offered: readonly (readonly [ConnectionOptions, string])[] = [
      [{ ...only("TLSv1.3"), ciphers: "TLS_AES_128_GCM_SHA256" }, "TLS_AES_128_GCM_SHA256"],
      [{ ...only("TLSv1.3"), ciphers: "TLS_AES_256_GCM_SHA384" }, "TLS_AES_256_GCM_SHA384"],
      [{ ...only("TLSv1.3"), ciphers: "TLS_CHACHA20_POLY1305_SHA256" }, "TLS_CHACHA20_POLY1305_SHA256"],
      [
        { ...only("TLSv1.2"), ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" },
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      ],
      [
        { ...only("TLSv1.2"), ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" },
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      ],
      [
        { ...only("TLSv1.2"), ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305" },
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
      ],
    ];
    const served = await serve(transport);
    for (const [options, name] of offered) {
      const { own } = await secured(served, options);
      assert.equal(own.tls?.cipher, name);
    }
    const withRsa = await serve(transport, { certificates: [certificate(rsa)] });
    const { own } = await secured(withRsa, {
      ...only("TLSv1.2"),
      ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
      rejectUnauthorized: false,
    });
    assert.equal(own.tls?.cipher, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    await secured(withRsa, { ...only("TLSv1.3"), rejectUnauthorized: false });
  });

  it("other suites are refused", async (transport) => {
    const rsa = new CertificateAuthority("RSA", "rsa").issue({ key: "rsa" });
    const served = await serve(transport, { certificates: [certificate(rsa)] });
    for (const ciphers of ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256"]) {
      const { own, peer } = await attempt(served, { ...only("TLSv1.2"), ciphers });
      assertTlsError(own, /no shared cipher/);
      await peer.until("the alert", () => peer.closed);
      assert.match(peer.reason, /handshake failure/);
    }
  });

  it("groups are the hybrid one, X25519, P-256 and P-384", async (transport) => {
    const served = await serve(transport);
    for (const ecdhCurve of ["X25519MLKEM768", "X25519", "P-256", "P-384"]) {
      await secured(served, { ...only("TLSv1.3"), ecdhCurve });
    }
    const { own } = await attempt(served, { ...only("TLSv1.3"), ecdhCurve: "P-521" });
    assertTlsError(own);
  });
}

function testAlpn(traits: TlsTraits): void {
  const it = alone(traits);

  it("ALPN: the server's preference decides", async (transport) => {
    const served = await serve(transport, { alpn: ["h2", "http/1.1"] });
    const cases: readonly (readonly [string[], string])[] = [
      [["http/1.1", "h2"], "h2"],
      [["spdy/1", "http/1.1"], "http/1.1"],
    ];
    for (const [ALPNProtocols, agreed] of cases) {
      const { own, peer } = await secured(served, { ALPNProtocols });
      assert.equal(own.tls?.alpn, agreed);
      assert.equal(peer.tls.alpnProtocol, agreed);
    }
  });

  it("ALPN: a client that offers none agrees on none", async (transport) => {
    const { own } = await secured(await serve(transport, { alpn: ["h2"] }));
    assert.equal(own.tls?.alpn, "");
  });

  it("ALPN: a server that has none does not answer", async (transport) => {
    const { own, peer } = await secured(await serve(transport), { ALPNProtocols: ["h2"] });
    assert.equal(own.tls?.alpn, "");
    assert.equal(peer.tls.alpnProtocol, false);
  });

  it("ALPN: nothing in common is refused with an alert", async (transport) => {
    const served = await serve(transport, { alpn: ["h2", "http/1.1"] });
    for (const version of TLS_VERSIONS) {
      const { own, peer } = await attempt(served, { ...only(version), ALPNProtocols: ["h3", "h"] });
      assertTlsError(own);
      await peer.until("the alert", () => peer.closed);
      assert.match(peer.reason, /alert no application protocol/);
    }
  });

  it("ALPN: ours is offered, and what the server chose is told", async (transport) => {
    const served = await serve(transport, { alpn: ["http/1.1"] });
    const own = await reach(transport, served.port, { alpn: ["h2", "http/1.1"] });
    assert.equal(own.tls?.alpn, "http/1.1");
    const none = await reach(transport, served.port);
    assert.equal(none.tls?.alpn, "");
  });
}

function testStaples(traits: TlsTraits): void {
  const it = alone(traits);

  it("OCSP: each certificate's staple goes to the clients that ask", async (transport) => {
    const other = authority.issue({ names: ["other.test"] });
    const bare = authority.issue({ names: ["bare.test"] });
    const staples = [authority.ocsp(identity), authority.ocsp(other)];
    const served = await serve(transport, {
      certificates: [
        certificate(identity, [], staples[0]),
        certificate(other, ["other.test"], staples[1]),
        certificate(bare, ["bare.test"]),
      ],
    });
    const stapleFor = async (options: ConnectionOptions): Promise<Buffer | null> => {
      let response: Buffer | null = null;
      const peer = dial(served.port, { requestOCSP: true, ...options });
      peer.tls.on("OCSPResponse", (bytes: Buffer | null) => {
        response = bytes;
      });
      await peer.settled();
      assert.equal(peer.reason, "");
      return response;
    };
    for (const version of TLS_VERSIONS) {
      assert.deepEqual(await stapleFor(only(version)), staples[0]);
      assert.deepEqual(await stapleFor({ ...only(version), servername: "other.test" }), staples[1]);
      assert.equal(await stapleFor({ ...only(version), servername: "bare.test" }), null);
      assert.equal(await stapleFor({ ...only(version), requestOCSP: false }), null);
    }
  });
}

function testKeyLog(traits: TlsTraits): void {
  const it = alone(traits);

  it("secrets go to the key log of who has one, readable by its owner alone", async (transport, context) => {
    const folder = mkdtempSync(join(tmpdir(), "keylog-"));
    context.after(() => rmSync(folder, { recursive: true }));
    const server = join(folder, "server");
    const client = join(folder, "client");
    const served = await serve(transport, { keyLogPath: server });
    await reach(transport, served.port, { keyLogPath: client });
    const own = served.last();
    await own.until("our handshake", () => own.has("connect"));
    const secretsIn = (path: string): string[] => {
      const lines = readFileSync(path, "latin1").match(/^CLIENT_TRAFFIC_SECRET_0 .*$/gm) ?? [];
      return [...lines];
    };
    const deadlineMs = performance.now() + 10_000;
    while (secretsIn(server).length + secretsIn(client).length < 2 && performance.now() < deadlineMs)
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal(secretsIn(server).length, 1);
    assert.deepEqual(secretsIn(server), secretsIn(client));
    for (const path of [server, client]) assert.equal(statSync(path).mode & 0o777, 0o600);
  });
}

function testSettings(traits: TlsTraits): void {
  const it = alone(traits);
  const PEM = "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n";
  const other = authority.issue();

  it("server settings that are wrong are told in words", async (transport) => {
    const wrong: Readonly<Record<string, Partial<TlsServerSettings>>> = {
      "no certificate": { certificates: [] },
      "a certificate that is none": { certificates: [{ ...certificate(), certPem: PEM }] },
      "no text": { certificates: [{ ...certificate(), certPem: "" }] },
      "no key": { certificates: [{ ...certificate(), keyPem: "" }] },
      "a key that is none": { certificates: [{ ...certificate(), keyPem: PEM }] },
      "another's key": { certificates: [{ ...certificate(), keyPem: other.keyPem }] },
      "no authority": { clientCertificate: { mode: "require", caPem: "", crlPem: "" } },
      "an authority that is none": { clientCertificate: { mode: "request", caPem: PEM, crlPem: "" } },
      "a revocation list that is none": asking("request", PEM),
      "a key log that cannot be": { keyLogPath: "/nowhere/at/all" },
    };
    for (const [what, changes] of Object.entries(wrong)) {
      assert.throws(
        () => transport.tlsServer(serverSettings(changes)),
        (error: unknown) => error instanceof Error && error.message.length > 5,
        what,
      );
    }
    await Promise.resolve();
  });

  it("client settings that are wrong are told in words", async (transport) => {
    const wrong: Readonly<Record<string, Partial<TlsClientSettings>>> = {
      "an authority that is none": { caPem: PEM },
      "another's key": { identity: { certPem: identity.certPem, keyPem: other.keyPem } },
      "a certificate that is none": { identity: { certPem: PEM, keyPem: identity.keyPem } },
      "a key log that cannot be": { keyLogPath: "/nowhere/at/all" },
    };
    for (const [what, changes] of Object.entries(wrong)) {
      assert.throws(
        () => transport.tlsClient(clientSettings(changes)),
        (error: unknown) => error instanceof Error && error.message.length > 5,
        what,
      );
    }
    await Promise.resolve();
  });
}
