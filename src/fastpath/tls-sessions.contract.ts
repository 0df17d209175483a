/** The part of the TLS contract about resumption and rotation: tickets across workers, and contexts that are replaced. */
import assert from "node:assert/strict";
import { type ConnectionOptions, connect } from "node:tls";
import {
  alone,
  asking,
  assertTlsError,
  attempt,
  authority,
  certificate,
  clientSettings,
  echo,
  ForeignServer,
  identity,
  NAME,
  reachWith,
  secured,
  serve,
  type Served,
  serverSettings,
  ticketKey,
  type TlsPair,
  type TlsTraits,
} from "./tls-peers.contract.ts";
import { TLS_VERSIONS, type TlsVersion } from "./tls.ts";

/** A session that the server has given a new client. */
async function sessionOf(served: Served, options: ConnectionOptions): Promise<Buffer> {
  const { own, peer } = await secured(served, options);
  assert.equal(own.tls?.resumed, false);
  await peer.until("a session", () => peer.session !== undefined);
  peer.socket.destroy();
  return peer.session as Buffer;
}

/** Whether the server takes the session; both sides must agree about it. */
async function resumes(served: Served, session: Buffer, options: ConnectionOptions): Promise<boolean> {
  const { own, peer } = await secured(served, { ...options, session });
  const { resumed } = own.tls ?? {};
  assert.equal(peer.tls.isSessionReused(), resumed);
  peer.socket.destroy();
  return resumed === true;
}

export function testSessions(traits: TlsTraits): void {
  for (const version of TLS_VERSIONS) testTickets(traits, version);
  testClientSessions(traits);
  if (traits.ownTickets) testRenewal(traits);
  testRotation(traits);
}

function testTickets(traits: TlsTraits, version: TlsVersion): void {
  const it = alone(traits);
  const only = { minVersion: version, maxVersion: version };

  it(`${version}: a session resumes in every worker that shares the keys, and in no other`, async (transport, context) => {
    const other = traits.make();
    context.after(() => other.close());
    const keys = [ticketKey()];
    const first = await serve(transport, { ticketKeys: keys });
    const second = await serve(other, { ticketKeys: keys });
    const session = await sessionOf(first, only);
    assert.equal(await resumes(first, session, only), true);
    assert.equal(await resumes(second, session, only), true);
    const stranger = await serve(other, { ticketKeys: [ticketKey()] });
    assert.equal(await resumes(stranger, session, only), false);
  });

  it(`${version}: without keys nothing resumes`, async (transport) => {
    const served = await serve(transport);
    const { peer } = await secured(served, only);
    await new Promise((resolve) => setImmediate(resolve));
    const session = peer.session ?? peer.tls.getSession();
    if (session !== undefined) assert.equal(await resumes(served, session, only), false);
  });

  it(`${version}: keys are replaced in the running context; old tickets are taken while their key is there`, async (transport) => {
    const [one, two, three] = [ticketKey(), ticketKey(), ticketKey()];
    const served = await serve(transport, { ticketKeys: [one] });
    const old = await sessionOf(served, only);
    transport.setTicketKeys(served.context, [two, one]);
    assert.equal(await resumes(served, old, only), traits.ownTickets);
    const fresh = await sessionOf(served, only);
    assert.equal(await resumes(served, fresh, only), true);
    transport.setTicketKeys(served.context, [three, two]);
    assert.equal(await resumes(served, old, only), false);
    assert.equal(await resumes(served, fresh, only), traits.ownTickets);
  });

  it(`${version}: a session keeps the client's certificate, and does not outlive what was asked for`, async (transport) => {
    const shown = authority.issue({ commonName: "client", purpose: "client" });
    const options = { ...only, cert: shown.certPem, key: shown.keyPem };
    const ticketKeys = [ticketKey()];
    const required = await serve(transport, { ticketKeys, ...asking("require") });
    const session = await sessionOf(required, options);
    const { own } = await secured(required, { ...options, session });
    assert.equal(own.tls?.resumed, true);
    assert.deepEqual(own.tls?.peerCertificate, shown.der);
    const revoking = await serve(transport, { ticketKeys, ...asking("require", authority.crl([shown])) });
    assertTlsError((await attempt(revoking, { ...options, session })).own, /revoked/);
    // A session that began where nobody asked is no way in.
    const open = await serve(transport, { ticketKeys });
    const anonymous = await sessionOf(open, only);
    assertTlsError((await attempt(required, { ...only, session: anonymous })).own);
  });
}

function testClientSessions(traits: TlsTraits): void {
  const it = alone(traits);

  for (const version of TLS_VERSIONS) {
    it(`${version}: the client resumes by itself, and still knows whom it talks to`, async (transport, context) => {
      const server = await ForeignServer.start(context, { maxVersion: version });
      const tls = transport.tlsClient(clientSettings());
      const first = await reachWith(transport, server.port, tls);
      assert.equal(first.tls?.resumed, false);
      // Bytes that come behind the tickets tell that those have come.
      (await server.peer()).socket.write("x");
      await first.until("bytes", () => first.text === "x");
      for (let round = 1; round <= 3; round++) {
        const next = await reachWith(transport, server.port, tls);
        assert.equal(next.closed, null);
        assert.equal(next.tls?.resumed, true);
        assert.deepEqual(next.tls?.peerCertificate, identity.der);
        assert.equal(next.tls?.serverName, NAME);
        const peer = await server.peer(round);
        assert.equal(peer.tls.isSessionReused(), true);
        peer.socket.write("x");
        await next.until("bytes", () => next.text === "x");
      }
    });
  }

  it("a context does not offer one server's session to another", async (transport, context) => {
    const servers = [await ForeignServer.start(context), await ForeignServer.start(context)];
    const tls = transport.tlsClient(clientSettings());
    for (const server of servers) {
      const own = await reachWith(transport, server.port, tls);
      assert.equal(own.closed, null);
      assert.equal(own.tls?.resumed, false);
      (await server.peer()).socket.write("x");
      await own.until("bytes", () => own.text === "x");
    }
  });
}

function testRenewal(traits: TlsTraits): void {
  const it = alone(traits);

  it("who resumes with TLS 1.3 is given another ticket, as clients use each once", async (transport) => {
    const served = await serve(transport, { ticketKeys: [ticketKey()] });
    let session = await sessionOf(served, {});
    for (let round = 0; round < 4; round++) {
      const { own, peer } = await secured(served, { session });
      assert.equal(own.tls?.resumed, true);
      await peer.until("another ticket", () => peer.session !== undefined);
      session = peer.session as Buffer;
      peer.socket.destroy();
    }
  });
}

function testRotation(traits: TlsTraits): void {
  const it = alone(traits);

  it("a context is replaced under load: old connections go on, new ones see the new certificate", async (transport) => {
    const served = await serve(transport);
    const pairs: TlsPair[] = [];
    for (let i = 0; i < 20; i++) pairs.push(await secured(served));
    let serial = identity.serial;
    for (let round = 0; round < 5; round++) {
      const next = authority.issue({ names: [NAME] });
      // Handshakes that are under way end with the context that they began with.
      const racing = Array.from({ length: 10 }, () =>
        connect({ host: "127.0.0.1", port: served.port, ca: authority.rootPem, servername: NAME }),
      );
      const before = served.acceptor.recorders.length;
      served.acceptor.context = transport.tlsServer(serverSettings({ certificates: [certificate(next)] }));
      await served.acceptor.until("all of them", () => served.acceptor.recorders.length === before + 10);
      for (const own of served.acceptor.recorders.slice(before)) {
        await own.until("a handshake", () => own.has("connect"));
      }
      for (const socket of racing) {
        const shown = BigInt(`0x${socket.getPeerCertificate().serialNumber}`);
        assert.ok(shown === serial || shown === next.serial);
        socket.destroy();
      }
      const fresh = await secured(served);
      assert.equal(BigInt(`0x${fresh.peer.tls.getPeerCertificate().serialNumber}`), next.serial);
      pairs.push(fresh);
      serial = next.serial;
      await Promise.all(pairs.map((pair) => echo(transport, pair)));
    }
    for (const { own } of pairs) assert.equal(own.closed, null);
  });
}
