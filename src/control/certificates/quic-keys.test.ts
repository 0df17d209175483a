import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenFiles } from "../../../test/config/golden-files.ts";
import { MAX_RETRY_KEYS, RETRY_KEY_BYTES, RetryTokens } from "../../wire/quic/retry-token.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import type { CertificateStore } from "./certificate-store.ts";
import { loadCertificates } from "./load-certificates.ts";
import { deriveQuicKeys, type QuicKeys, RetrySecrets } from "./quic-keys.ts";

const FILES = goldenFiles();
const SECRET = "/quic/retry.secret";

function secretOf(number: number): Uint8Array {
  return new Uint8Array(RETRY_KEY_BYTES).fill(number);
}

function configOf(addresses: readonly string[], path = SECRET): GatewayConfig {
  const toml = addresses.map(
    (address) => `
      [[listeners]]
      address = "${address}"
      protocol = "quic"
      [listeners.quic]
      cert_path = "/tls/good.pem"
      key_path = "/tls/good.key"
      retry_secret_path = "${path}"`,
  );
  const { config, issues } = parseConfig(toml.join("\n"), {
    file: "t",
    env: {},
    certificates: { files: FILES },
  });
  assert.ok(config !== undefined, JSON.stringify(issues));
  return config;
}

function storeWith(config: GatewayConfig, number: number): CertificateStore {
  FILES.write(SECRET, secretOf(number));
  FILES.write("/quic/other.secret", secretOf(number));
  return loadCertificates(config, { files: FILES }).store;
}

/** First octets of the keys that sign and verify tokens, newest first. */
function numbersOf({ retryKeys }: QuicKeys): (number | undefined)[] {
  return retryKeys.map((key) => key[0]);
}

test("all keys follow from the secret alone, and none from another", () => {
  const keys = deriveQuicKeys([secretOf(1)]);
  assert.deepEqual(keys, deriveQuicKeys([secretOf(1)]));
  assert.deepEqual([keys.resetKey.length, keys.ticketKey.length], [32, 48]);
  assert.notDeepEqual(keys.ticketKey.subarray(0, 32), keys.resetKey);
  const other = deriveQuicKeys([secretOf(2), secretOf(1)]);
  assert.notDeepEqual(other.resetKey, keys.resetKey);
  assert.notDeepEqual(other.ticketKey, keys.ticketKey);
});

/** Of a secret of 32 zeros, worked out with HMAC as RFC 5869 has it. */
const RESET_AND_TICKET = [
  "83043306dae8bf643547eac944eb49ad0e7349ad001158e40b3a3132d41edf07",
  "b19e496260c2ae35253fc48b1d23ec4e0004e25e3f2a7950cd8e56a3d780a92b6e88556bbe9fe86f407461c585c3b016",
];

test("derivation stays what it is: processes of two versions agree", () => {
  const { resetKey, ticketKey } = deriveQuicKeys([secretOf(0)]);
  assert.deepEqual(
    [Buffer.from(resetKey).toString("hex"), Buffer.from(ticketKey).toString("hex")],
    RESET_AND_TICKET,
  );
});

test("another secret signs at once, and up to two former ones verify", () => {
  const config = configOf(["127.0.0.1:1"]);
  const [listener] = config.listeners;
  assert.ok(listener !== undefined);
  const secrets = new RetrySecrets();
  const seen: (number | undefined)[][] = [];
  for (const number of [1, 2, 2, 3, 4, 3]) {
    const store = storeWith(config, number);
    seen.push(numbersOf(secrets.keysOf(listener, store)));
    secrets.adopt(config, store);
  }
  assert.deepEqual(seen, [[1], [2, 1], [2, 1], [3, 2, 1], [4, 3, 2], [3, 4, 2]]);
  assert.ok(seen.every((keys) => keys.length <= MAX_RETRY_KEYS));
});

test("a token of before a rotation is still good", () => {
  const config = configOf(["127.0.0.1:1"]);
  const [listener] = config.listeners;
  assert.ok(listener !== undefined);
  const secrets = new RetrySecrets();
  const before = storeWith(config, 5);
  const address = { words: new Uint32Array(4), port: 1 };
  const [dcid, scid] = [Buffer.alloc(8, 1), Buffer.alloc(8, 2)];
  const old = new RetryTokens(secrets.keysOf(listener, before).retryKeys);
  const token = old.mint(1000, address, dcid, scid);
  secrets.adopt(config, before);
  const now = new RetryTokens(secrets.keysOf(listener, storeWith(config, 6)).retryKeys);
  assert.equal(now.open(1000, address, token, scid).kind, "valid");
  assert.notDeepEqual(now.mint(1000, address, dcid, scid), token);
});

test("what was not taken over is not remembered, and a listener that goes takes its secrets with it", () => {
  const both = configOf(["127.0.0.1:1", "127.0.0.1:2"]);
  const one = configOf(["127.0.0.1:1"]);
  const [first, second] = both.listeners;
  assert.ok(first !== undefined && second !== undefined);
  const secrets = new RetrySecrets();
  secrets.keysOf(first, storeWith(both, 1));
  assert.deepEqual(numbersOf(secrets.keysOf(first, storeWith(both, 2))), [2]);
  secrets.adopt(both, storeWith(both, 2));
  secrets.adopt(one, storeWith(one, 3));
  assert.deepEqual(numbersOf(secrets.keysOf(first, storeWith(both, 4))), [4, 3, 2]);
  assert.deepEqual(numbersOf(secrets.keysOf(second, storeWith(both, 4))), [4]);
});

test("a listener keeps its former secrets when its file has another name", () => {
  const config = configOf(["127.0.0.1:1"]);
  const renamed = configOf(["127.0.0.1:1"], "/quic/other.secret");
  const secrets = new RetrySecrets();
  secrets.adopt(config, storeWith(config, 1));
  const [listener] = renamed.listeners;
  assert.ok(listener !== undefined);
  assert.deepEqual(numbersOf(secrets.keysOf(listener, storeWith(renamed, 2))), [2, 1]);
});
