/** The part of the TLS contract about outgoing connections: whom the client believes, what it shows, what it sends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { TestContext } from "node:test";
import type { TlsOptions } from "node:tls";
import { EXPIRED, type TestIdentity } from "../../test/support/certificates.ts";
import {
  alone,
  assertTlsError,
  authority,
  clientSettings,
  ForeignServer,
  identity,
  IPV4,
  NAME,
  reach,
  stranger,
  type TlsTraits,
} from "./tls-peers.contract.ts";
import type { TlsClientSettings } from "./tls.ts";
import { Recorder } from "./transport-peers.contract.ts";

interface Case {
  readonly what: string;
  readonly server?: TestIdentity;
  readonly client?: Partial<TlsClientSettings>;
  /** Why it is not believed; without: it is. */
  readonly refused?: RegExp;
}

const wildcard = authority.issue({ names: ["*.example.test"] });

const CASES: readonly Case[] = [
  { what: "the right name" },
  { what: "the right name in capitals", client: { verifyName: NAME.toUpperCase() } },
  { what: "a wildcard", server: wildcard },
  { what: "the right address", client: { verifyName: IPV4, serverName: IPV4 } },
  { what: "any name", client: { verifyName: "" } },
  { what: "anybody", server: stranger.issue(), client: { verifyPeer: false } },
  { what: "below an intermediate", server: authority.intermediate().issue({ names: [NAME] }) },
  { what: "the wrong name", client: { verifyName: "other.test" }, refused: /name/ },
  { what: "the wrong address", client: { verifyName: "127.0.0.2" }, refused: /address/ },
  {
    what: "a wildcard for two labels",
    server: wildcard,
    client: { verifyName: `a.${NAME}` },
    refused: /name/,
  },
  {
    what: "a name that is only the common name",
    server: authority.issue({ commonName: NAME }),
    refused: /name/,
  },
  { what: "a stranger", server: stranger.issue({ names: [NAME] }), refused: /issuer|verify|self.signed/ },
  { what: "a stranger with any name", client: { caPem: stranger.rootPem, verifyName: "" }, refused: /./ },
  { what: "an expired one", server: authority.issue({ names: [NAME], ...EXPIRED }), refused: /expired/ },
  {
    what: "a client's certificate",
    server: authority.issue({ names: [NAME], purpose: "client" }),
    refused: /purpose/,
  },
  { what: "one for the public authorities", client: { caPem: "" }, refused: /issuer|verify|self.signed/ },
];

export function testClients(traits: TlsTraits): void {
  testBelief(traits);
  testWhatIsSent(traits);
  testFailures(traits);
}

function serverOf({ server = identity }: Case): TlsOptions {
  return { cert: server.certPem, key: server.keyPem };
}

function testBelief(traits: TlsTraits): void {
  const it = alone(traits);

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`${version}: a server is believed for its chain and its name`, async (transport, context) => {
      for (const each of CASES) {
        const server = await ForeignServer.start(context, { ...serverOf(each), maxVersion: version });
        const own = await reach(transport, server.port, each.client);
        if (each.refused === undefined) {
          assert.equal(own.closed, null, each.what);
          assert.equal(own.tls?.version, version);
          transport.destroy(own.connection);
        } else {
          assert.ok(!own.has("connect"), each.what);
          assertTlsError(own, each.refused);
        }
      }
    });

    it(`${version}: nothing is sent to a server that is not believed`, async (transport, context) => {
      const server = await ForeignServer.start(context, { maxVersion: version });
      const settings = clientSettings({ verifyName: "other.test" });
      const own = new Recorder();
      own.connection = transport.connect(
        { host: IPV4, port: server.port, tls: transport.tlsClient(settings) },
        own,
      );
      const secret = Buffer.from("secret");
      transport.sendFrom(own.connection, secret, 0, secret.length);
      transport.flush();
      await own.until("the close", () => own.closed !== null);
      assertTlsError(own, /name/);
      const next = await reach(transport, server.port);
      assert.equal(next.closed, null);
      assert.equal(server.receivedBytes, 0);
    });
  }

  it("the certificate of a server that was checked is told, of others it is not", async (transport, context) => {
    const server = await ForeignServer.start(context);
    const checked = await reach(transport, server.port);
    assert.deepEqual(checked.tls?.peerCertificate, identity.der);
    const unchecked = await reach(transport, server.port, { verifyPeer: false });
    assert.equal(unchecked.tls?.peerCertificate, null);
  });
}

function testWhatIsSent(traits: TlsTraits): void {
  const it = alone(traits);

  it("the name goes out as SNI, unless it is an address or empty", async (transport, context) => {
    const server = await ForeignServer.start(context);
    const cases: readonly (readonly [string, string | false])[] = [
      [NAME, NAME],
      [IPV4, false],
      ["::1", false],
      ["", false],
    ];
    for (const [index, [serverName, sent]] of cases.entries()) {
      const own = await reach(transport, server.port, { serverName });
      assert.equal(own.tls?.serverName, sent === false ? "" : sent);
      const { tls } = await server.peer(index);
      assert.equal((tls as { servername?: string | false }).servername, sent);
    }
  });

  it("what is staged before the handshake goes out after it", async (transport, context) => {
    const server = await ForeignServer.start(context);
    const own = new Recorder();
    const tls = transport.tlsClient(clientSettings());
    own.connection = transport.connect({ host: IPV4, port: server.port, tls }, own);
    for (const text of ["early ", "birds"]) {
      const bytes = Buffer.from(text);
      transport.sendFrom(own.connection, bytes, 0, bytes.length);
      transport.flush();
    }
    await own.until("the handshake", () => own.has("connect"));
    const peer = await server.peer();
    await peer.until("the bytes", () => peer.text === "early birds");
  });

  it("the client certificate is shown to the server that asks", async (transport, context) => {
    const shown = authority.issue({ commonName: "gateway", purpose: "client" });
    const ca = authority.rootPem;
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const server = await ForeignServer.start(context, { ca, requestCert: true, maxVersion: version });
      const own = await reach(transport, server.port, { identity: shown });
      assert.equal(own.closed, null);
      const peer = await server.peer();
      assert.deepEqual(peer.tls.getPeerX509Certificate()?.raw, shown.der);
      const without = await reach(transport, server.port);
      await without.until("the refusal", () => without.closed !== null);
      assert.notEqual(without.closed, "");
    }
  });

  it("a version below the least is refused", async (transport, context) => {
    const server = await ForeignServer.start(context, { maxVersion: "TLSv1.2" });
    assertTlsError(await reach(transport, server.port, { minVersion: "TLSv1.3" }), /version|protocol/);
  });
}

function testFailures(traits: TlsTraits): void {
  const it = alone(traits);

  it("a server that speaks no TLS, says nothing, or hangs up is told by its reason", async (transport, context) => {
    const plain = await tcpServer(context, (answer) => answer("HTTP/1.1 400 Bad Request\r\n\r\n"));
    assertTlsError(await reach(transport, plain));
    const silent = await tcpServer(context, (_answer, end) => end());
    assertTlsError(await reach(transport, silent), /eof/);
    const half = await tcpServer(context, (answer, end) => {
      answer("\x16\x03\x03\x01\x00half a hello");
      end();
    });
    assertTlsError(await reach(transport, half), /eof/);
    const gone = await refusedPort();
    assert.equal((await reach(transport, gone)).closed, "ECONNREFUSED");
  });

  it("a server that refuses is told by its alert", async (transport, context) => {
    const server = await ForeignServer.start(context, { ALPNProtocols: ["h3"] });
    assertTlsError(await reach(transport, server.port, { alpn: ["h2"] }), /alert no application protocol/);
  });

  it("a handshake that is given up ends in silence", async (transport, context) => {
    const port = await tcpServer(context, () => {});
    for (const act of ["destroy", "reset"] as const) {
      const own = new Recorder();
      own.connection = transport.connect(
        { host: IPV4, port, tls: transport.tlsClient(clientSettings()) },
        own,
      );
      transport[act](own.connection);
      await own.until("the close", () => own.closed !== null);
      assert.deepEqual(own.events, ["close"]);
      assert.equal(own.closed, "");
    }
  });
}

type Answer = (answer: (text: string) => void, end: () => void) => void;

/** A server without TLS; `onHello` runs when the first bytes have come. */
async function tcpServer(context: TestContext, onHello: Answer): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () =>
      onHello(
        (text) => socket.write(text, "latin1"),
        () => socket.end(),
      ),
    );
    context.after(() => socket.destroy());
  });
  server.listen(0, IPV4);
  await once(server, "listening");
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function refusedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, IPV4);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
