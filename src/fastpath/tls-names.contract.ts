/** The part of the TLS contract about server names: which certificate a client is shown, and names that are none. */
import assert from "node:assert/strict";
import { CONTENT, Tls13Client } from "../../test/support/tls13-client.ts";
import {
  alone,
  assertTlsError,
  authority,
  certificate,
  echo,
  handshakeOf,
  secured,
  serve,
  type Served,
  type TlsTraits,
} from "./tls-peers.contract.ts";
import { TLS_VERSIONS } from "./tls.ts";
import type { Transport } from "./transport.ts";

/** Who is shown to whom: what the client asks for, and the common name of the certificate. */
const CHOICES: readonly (readonly [string, string])[] = [
  ["exact.example.test", "exact"],
  ["EXACT.Example.Test", "exact"],
  ["a.example.test", "wildcard"],
  ["B.EXAMPLE.TEST", "wildcard"],
  ["a.b.example.test", "default"],
  ["example.test", "default"],
  ["exact.example.test.evil.test", "default"],
  ["late.test", "first"],
  ["default.test", "default"],
  ["nobody.test", "default"],
  ["a", "default"],
];

export function testNames(traits: TlsTraits): void {
  const it = alone(traits);

  const serveNames = (transport: Transport): Promise<Served> => {
    const issue = (commonName: string, names: readonly string[]) =>
      certificate(authority.issue({ commonName, names }), names);
    return serve(transport, {
      certificates: [
        issue("default", ["default.test"]),
        issue("wildcard", ["*.example.test"]),
        issue("exact", ["exact.example.test"]),
        issue("first", ["late.test"]),
        issue("second", ["late.test", "*.example.test"]),
      ],
    });
  };

  it("exact names win over wildcards, which stand for one label; everybody else gets the first", async (transport) => {
    const served = await serveNames(transport);
    for (const version of TLS_VERSIONS) {
      for (const [servername, shown] of CHOICES) {
        const { own, peer } = await secured(served, {
          servername,
          rejectUnauthorized: false,
          maxVersion: version,
        });
        assert.equal(peer.tls.getPeerCertificate().subject.CN, shown, `${version}: ${servername}`);
        assert.equal(own.tls?.serverName, servername.toLowerCase());
        peer.socket.destroy();
      }
    }
  });

  it("a client that names nobody gets the first", async (transport) => {
    const { own, peer } = await secured(await serveNames(transport), {
      servername: "",
      rejectUnauthorized: false,
    });
    assert.equal(peer.tls.getPeerCertificate().subject.CN, "default");
    assert.equal(own.tls?.serverName, "");
  });

  it("a trailing dot is no part of a name", async (transport) => {
    const { own, peer } = await secured(await serveNames(transport), {
      servername: "exact.example.test.",
      rejectUnauthorized: false,
    });
    assert.equal(peer.tls.getPeerCertificate().subject.CN, "exact");
    assert.equal(own.tls?.serverName, "exact.example.test");
  });

  it("names that are none are served the first certificate or refused, and hurt nobody", async (transport) => {
    const served = await serveNames(transport);
    const good = await secured(served, { servername: "exact.example.test" });
    for (const serverName of hostileNames()) {
      const before = served.acceptor.recorders.length;
      const client = await Tls13Client.connect(served.port);
      client.socket.write(client.hello({ serverName }));
      const first = await client.readRecord();
      assert.ok(first.type === CONTENT.handshake || first.type === CONTENT.alert);
      const own = served.acceptor.recorders[before];
      assert.ok(own !== undefined);
      client.socket.destroy();
      await own.until("the close", () => own.closed !== null);
      if (first.type === CONTENT.alert) assertTlsError(own);
      await echo(transport, good);
    }
  });

  it("strange names that pass are told as they came", async (transport) => {
    const served = await serveNames(transport);
    for (const name of ["__proto__", "constructor", "xn--e1afmkfd.example.test", "127.0.0.1"]) {
      const client = await Tls13Client.open(served.port, { serverName: Buffer.from(name) });
      await handshakeOf(served.last());
      assert.equal(served.last().tls?.serverName, name);
      client.socket.destroy();
    }
  });
}

function hostileNames(): Buffer[] {
  return [
    Buffer.alloc(0),
    Buffer.from("."),
    Buffer.from(".."),
    Buffer.from("*"),
    Buffer.from("*.example.test"),
    Buffer.from(".example.test"),
    Buffer.from("a..example.test"),
    Buffer.from("exact.example.test.."),
    Buffer.from("exact.example.test\0"),
    Buffer.from("exact.example.test\0.evil.test"),
    Buffer.from("\0"),
    Buffer.from("__proto__"),
    Buffer.from("hasOwnProperty"),
    Buffer.from("127.0.0.1"),
    Buffer.from("::1"),
    Buffer.from("[::1]"),
    Buffer.from("пример.example.test"),
    Buffer.from([0xff, 0xfe, 0xc0, 0x80]),
    Buffer.from("a\r\nb"),
    Buffer.from("%s%n%x"),
    Buffer.alloc(255, "a"),
    Buffer.alloc(256, "a"),
    Buffer.alloc(16_000, "a"),
  ];
}
