/** The part of the QUIC contract about settings: what is wrong with them is said in words. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  authority,
  clientSettings,
  connected,
  identity,
  LARGEST,
  NAME,
  namedTest,
  type QuicEngineTraits,
  serverSettings,
  transportSettings,
} from "./quic-engine-peers.contract.ts";
import type { QuicClientSettings, QuicServerSettings, QuicTransportSettings } from "./quic-engine.ts";

const BAD_TRANSPORT: Readonly<Record<string, Partial<QuicTransportSettings>>> = {
  maxIdleTimeoutMs: { maxIdleTimeoutMs: -1 },
  connectionWindowBytes: { connectionWindowBytes: Number.NaN },
  streamWindowBytes: { streamWindowBytes: 2 ** 62 },
  maxBidirectionalStreams: { maxBidirectionalStreams: 2 ** 60 + 1 },
  maxUnidirectionalStreams: { maxUnidirectionalStreams: 1.5 },
  maxReceivePayloadBytes: { maxReceivePayloadBytes: 1199 },
  maxSendPayloadBytes: { maxSendPayloadBytes: 65_528 },
  maxQueuedDatagrams: { maxQueuedDatagrams: Infinity },
  "congestion control": { congestionControl: "vegas" as "reno" },
};

function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" });
}

function badServers(): Record<string, readonly [Partial<QuicServerSettings>, RegExp]> {
  const { certPem, keyPem } = identity;
  return {
    "another certificate's key": [
      { identity: { certPem, keyPem: authority.issue({ names: [NAME] }).keyPem } },
      /does not belong/,
    ],
    "an encrypted key": [{ identity: { certPem, keyPem: encryptedKey() } }, /encrypted/],
    "no key": [{ identity: { certPem, keyPem: "" } }, /private key/],
    "no certificate": [{ identity: { certPem: "", keyPem } }, /certificate/],
    "a broken chain": [
      {
        identity: {
          certPem: `${certPem}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
          keyPem,
        },
      },
      /certificate/,
    ],
    "no protocol": [{ alpn: [] }, /ALPN/],
    "a ticket key of another length": [{ ticketKey: Buffer.alloc(80) }, /48/],
    "an empty protocol": [{ alpn: [""] }, /ALPN/],
    "a protocol that is too long": [{ alpn: ["x".repeat(256)] }, /ALPN/],
    "a key log that cannot be": [{ keyLogPath: "/nowhere/at/all" }, /nowhere/],
  };
}

const BAD_CLIENTS: Readonly<Record<string, readonly [Partial<QuicClientSettings>, RegExp]>> = {
  "authorities that are none": [{ caPem: "nonsense" }, /authorities/],
  "no protocol": [{ alpn: [] }, /ALPN/],
  "an empty protocol": [{ alpn: [""] }, /ALPN/],
  "a key log that cannot be": [{ keyLogPath: "/nowhere/at/all" }, /nowhere/],
};

export function testSettings(traits: QuicEngineTraits): void {
  const it = namedTest(traits);
  const { engine } = traits;

  it("has a name and speaks QUIC version 1", () => {
    assert.match(engine.name, /\w+ \d/);
    assert.ok(engine.versions.includes(1));
  });

  it("numbers out of range are refused in words, which name the setting", () => {
    for (const [what, changes] of Object.entries(BAD_TRANSPORT)) {
      const transport = transportSettings(changes);
      assert.throws(() => engine.server(serverSettings({ transport })), new RegExp(what), what);
      assert.throws(() => engine.client(clientSettings({ transport })), new RegExp(what), what);
    }
  });

  it("the largest numbers are taken, and the smallest", async () => {
    const transport = transportSettings(LARGEST);
    const least = transportSettings({
      maxIdleTimeoutMs: 0,
      maxReceivePayloadBytes: 1200,
      maxSendPayloadBytes: 1200,
      connectionWindowBytes: 0,
      streamWindowBytes: 0,
      maxBidirectionalStreams: 0,
      maxUnidirectionalStreams: 0,
    });
    for (const [server, client] of [
      [transport, transport],
      [transport, least],
      [least, transport],
      [least, least],
    ] as const) {
      const network = await connected(traits, {
        server: { transport: server },
        client: { transport: client },
      });
      assert.ok(network.client.timeoutMs() > 0);
    }
  });

  it("a server's settings that cannot work are refused in words", () => {
    for (const [what, [changes, words]] of Object.entries(badServers()))
      assert.throws(() => engine.server(serverSettings(changes)), words, what);
  });

  it("a client's settings that cannot work are refused in words", () => {
    for (const [what, [changes, words]] of Object.entries(BAD_CLIENTS))
      assert.throws(() => engine.client(clientSettings(changes)), words, what);
  });

  it("without authorities those of the runtime are taken", () => {
    engine.client(clientSettings({ caPem: "" }));
  });
}
