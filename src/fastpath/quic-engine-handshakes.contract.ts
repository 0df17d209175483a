/** The part of the QUIC contract about handshakes: who is believed, and which protocol is spoken. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CertificateAuthority,
  EXPIRED,
  NOT_YET_VALID,
  type TestIdentity,
} from "../../test/support/certificates.ts";
import { PacketHeader } from "../wire/quic/packet-header.ts";
import { writeRetry } from "../wire/quic/retry-packet.ts";
import type { QuicClientSettings } from "./quic-engine.ts";
import {
  address,
  authority,
  connected,
  establish,
  identity,
  LARGEST,
  NAME,
  namedTest,
  pair,
  type QuicEngineTraits,
  read,
  type Settings,
  stranger,
  transfer,
  transportSettings,
  write,
} from "./quic-engine-peers.contract.ts";

/** TLS alerts are transport errors from here on (RFC 9001 section 4.8). */
const ALERT = 0x100;
const NO_APPLICATION_PROTOCOL = ALERT + 120;

/** A server's identity, and a client that must not believe it. */
const DISTRUSTED: Readonly<Record<string, readonly [TestIdentity, Partial<QuicClientSettings>]>> = {
  "of another authority": [stranger.issue({ names: [NAME] }), {}],
  "for another name": [authority.issue({ names: ["other.example.test"] }), {}],
  "for another address": [identity, { serverName: "192.0.2.2", verifyName: "192.0.2.2" }],
  "for another address of IPv6": [identity, { serverName: "2001:db8::2", verifyName: "2001:db8::2" }],
  "for a name, asked for by address": [
    authority.issue({ names: [NAME] }),
    { serverName: "192.0.2.1", verifyName: "192.0.2.1" },
  ],
  "for another name, with no name sent": [identity, { serverName: "", verifyName: "other.example.test" }],
  "that has expired": [authority.issue({ names: [NAME], ...EXPIRED }), {}],
  "that is not valid yet": [authority.issue({ names: [NAME], ...NOT_YET_VALID }), {}],
  "of a client": [authority.issue({ names: [NAME], purpose: "client" }), {}],
};

const TRUSTED: Readonly<Record<string, Partial<QuicClientSettings>>> = {
  "by name": {},
  "by name in other letters": { serverName: NAME.toUpperCase(), verifyName: NAME },
  "by address": { serverName: "192.0.2.1", verifyName: "192.0.2.1" },
  "by address of IPv6": { serverName: "2001:db8::1", verifyName: "2001:db8:0:0::1" },
  "by address with a zone": { serverName: "2001:db8::1%eth0", verifyName: "2001:db8::1%eth0" },
  "by name that is not sent": { serverName: "", verifyName: NAME },
  "for any name": { serverName: "", verifyName: "" },
};

export function testHandshakes(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

  /** The client closes with an alert before anything is delivered, and the server hears of it. */
  const refusedByClient = async (settings: Settings): Promise<void> => {
    const network = pair(traits, settings);
    await network.until("the client's refusal", () => network.client.closeReason !== null);
    const reason = network.client.closeReason;
    assert.equal(reason?.by, "local");
    assert.equal(reason.application, false);
    assert.ok(reason.code > ALERT && reason.code < ALERT + 256, `code ${reason.code}`);
    assert.equal(network.client.established, false);
    network.settle();
    assert.equal(network.server.closeReason?.by, "peer");
    assert.equal(network.server.closeReason.code, reason.code);
    assert.ok(network.client.draining && network.server.draining);
  };

  for (const [what, client] of Object.entries(TRUSTED)) {
    it(`a certificate is believed ${what}`, async () => {
      const network = await connected(traits, { client });
      assert.deepEqual(network.client.peerCertificates.map(Buffer.from), [identity.der]);
      assert.deepEqual(network.server.peerCertificates, []);
      assert.equal(network.client.resumed, false);
      assert.equal(network.client.closeReason, null);
    });
  }

  for (const [what, [of, client]] of Object.entries(DISTRUSTED)) {
    it(`a certificate ${what} is not believed, and closes with an alert`, async () => {
      await refusedByClient({ server: { identity: of }, client });
    });

    it(`a certificate ${what} is believed by who does not verify`, async () => {
      await connected(traits, { server: { identity: of }, client: { ...client, verifyPeer: false } });
    });
  }

  it("nothing of a server that is not believed is delivered", async () => {
    const client = { serverName: "192.0.2.2", verifyName: "192.0.2.2" };
    const network = pair(traits, { client });
    // The server may write as soon as it has sent its certificate.
    await network.until("the client's refusal", () => {
      if (network.accepted) write(network.server, 3, "too early", true);
      return network.client.closeReason !== null;
    });
    assert.equal(network.client.hasReadable, false);
    assert.equal(network.client.streamReadable(3), false);
    assert.equal(network.client.readableStreams([9]), 0);
    assert.ok(read(network.client, 3).result < 0);
  });

  it("chains of several certificates, keys of both kinds", async () => {
    const root = new CertificateAuthority("Root");
    const deep = root.intermediate("Upper").intermediate("Lower");
    const rsa = new CertificateAuthority("RSA Root", "rsa");
    for (const [of, caPem] of [
      [deep.issue({ names: [NAME] }), root.rootPem],
      [deep.issue({ names: [NAME], key: "rsa" }), root.rootPem],
      [rsa.issue({ names: [NAME], key: "rsa" }), rsa.rootPem + authority.rootPem],
    ] as const) {
      const network = await connected(traits, { server: { identity: of }, client: { caPem } });
      assert.deepEqual(Buffer.from(network.client.peerCertificates[0] as Uint8Array), of.der);
    }
  });

  it("the protocol that both speak is agreed on, and both know it", async () => {
    const network = await connected(traits, {
      server: { alpn: ["h3", "other"] },
      client: { alpn: ["none", "other"] },
    });
    assert.equal(network.client.applicationProtocol, "other");
    assert.equal(network.server.applicationProtocol, "other");
  });

  it("who has no protocol in common with the server is refused, and nothing is delivered", async () => {
    const network = pair(traits, { client: { alpn: ["h2", "h3-29"] } });
    await network.until("the refusal", () => network.client.draining && network.server.draining);
    for (const end of [network.client, network.server]) {
      assert.equal(end.closeReason?.code, NO_APPLICATION_PROTOCOL);
      assert.equal(end.closeReason.application, false);
      assert.equal(end.established, false);
    }
  });

  it("a handshake that began with a Retry knows both of the client's first connection IDs", async () => {
    const network = pair(traits, { server: { transport: transportSettings(LARGEST) } });
    const header = new PacketHeader();
    const [initial] = network.packetsOf(network.client);
    assert.ok(initial !== undefined && header.parse(initial, 0, initial.length, 0));
    const originalDcid = Buffer.from(initial.subarray(header.dcidStart, header.dcidEnd));
    const retry = Buffer.alloc(200);
    const token = Buffer.from("a token");
    const end = writeRetry(retry, 0, header, { scid: network.serverId, token });
    network.toClient(retry.subarray(0, end));
    const [second] = network.packetsOf(network.client);
    assert.ok(second !== undefined && header.parse(second, 0, second.length, 0));
    assert.ok(token.equals(second.subarray(header.tokenStart, header.tokenEnd)));
    assert.ok(network.serverId.equals(second.subarray(header.dcidStart, header.dcidEnd)));
    network.originalDcid = originalDcid;
    network.toServer(second);
    await establish(network);
    assert.equal(network.client.closeReason, null);
  });

  it("a client that hears a version negotiation without a version of its own gives up", async () => {
    const network = pair(traits);
    const header = new PacketHeader();
    const [initial] = network.packetsOf(network.client);
    assert.ok(initial !== undefined && header.parse(initial, 0, initial.length, 0));
    const ids = [
      Buffer.from([header.scidEnd - header.scidStart]),
      initial.subarray(header.scidStart, header.scidEnd),
      Buffer.from([header.dcidEnd - header.dcidStart]),
      initial.subarray(header.dcidStart, header.dcidEnd),
    ];
    network.toClient(
      Buffer.concat([Buffer.from([0x80, 0, 0, 0, 0]), ...ids, Buffer.from([0x1a, 0x2a, 0x3a, 0x4a])]),
    );
    assert.equal(network.client.draining, true);
    assert.equal(network.client.closeReason?.by, "local");
  });

  it("before the handshake nothing is known", () => {
    const { client } = pair(traits);
    assert.equal(client.established, false);
    assert.equal(client.resumed, false);
    assert.equal(client.inEarlyData, false);
    assert.equal(client.applicationProtocol, "");
    assert.deepEqual(client.peerCertificates, []);
    assert.equal(client.closeReason, null);
    assert.equal(client.closed, false);
    assert.equal(client.draining, false);
    assert.equal(client.bidirectionalStreamsLeft(), 0);
  });

  it("paths of all kinds of addresses begin connections, those that the kernel chooses too", async () => {
    for (const [client, server] of [
      ["198.51.100.7", "192.0.2.1"],
      ["2001:db8::7", "2001:db8::1"],
      ["::7:8", "::1"],
      ["::", "::1"],
    ] as const) {
      const addresses = { client: address(client, 50_000), server: address(server, 443) };
      const network = await connected(traits, {}, addresses);
      assert.ok(network.client.established && network.server.established);
    }
  });

  it("secrets are appended to the key log of each side", async () => {
    const folder = mkdtempSync(join(tmpdir(), "quic-keys-"));
    try {
      const [server, client] = [join(folder, "server"), join(folder, "client")];
      const settings = { server: { keyLogPath: server }, client: { keyLogPath: client } };
      const networks = [await connected(traits, settings), await connected(traits, settings)];
      for (const network of networks)
        await transfer(network, [network.client, network.server], 0, Buffer.from("x"));
      const lines = readFileSync(server, "latin1").trim().split("\n").toSorted();
      assert.deepEqual(readFileSync(client, "latin1").trim().split("\n").toSorted(), lines);
      for (const label of ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"])
        assert.equal(lines.filter((line) => line.startsWith(`${label} `)).length, networks.length);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
