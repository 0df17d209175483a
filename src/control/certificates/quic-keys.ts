/**
 * The keys of a QUIC listener, all from its Retry secret: tokens are signed with the secret itself, and
 * derived keys (HKDF, RFC 5869) make the tickets of sessions and the tokens of stateless resets. So all workers
 * agree on them, and so do processes that come after one another, and gateways that share the file.
 *
 * When the file holds another secret, the former ones still verify Retry tokens for a while: a client may have
 * one under way. Tickets of before are good for nothing then, and clients begin anew.
 */
import { hkdfSync } from "node:crypto";
import { assert } from "../../base/assert.ts";
import type { QuicPlan } from "../../proxy/quic-plan.ts";
import { MAX_RETRY_KEYS } from "../../wire/quic/retry-token.ts";
import type { GatewayConfig, ListenerConfig } from "../config/gateway-config.ts";
import type { CertificateStore } from "./certificate-store.ts";

export type QuicKeys = Pick<QuicPlan, "retryKeys" | "resetKey" | "ticketKey">;

const RESET_KEY_BYTES = 32;
const TICKET_KEY_BYTES = 48;

/** Who else derives from the same secret gets something else. */
const RESET_KEY_LABEL = "expressgateway quic stateless reset";
const TICKET_KEY_LABEL = "expressgateway quic session ticket";

/** `secrets`: at least one, the first is that of now. */
export function deriveQuicKeys(secrets: readonly [Uint8Array, ...Uint8Array[]]): QuicKeys {
  const [current] = secrets;
  return {
    retryKeys: secrets.slice(0, MAX_RETRY_KEYS),
    resetKey: derived(current, RESET_KEY_LABEL, RESET_KEY_BYTES),
    ticketKey: derived(current, TICKET_KEY_LABEL, TICKET_KEY_BYTES),
  };
}

function derived(secret: Uint8Array, label: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, "", label, bytes));
}

/** The secrets of all listeners over reloads and rotations. */
export class RetrySecrets {
  /** By the listener's address, newest first. Its file may have another name meanwhile. */
  readonly #used = new Map<string, readonly Uint8Array[]>();

  /** The keys that a listener would have with what its file holds now. */
  keysOf(listener: ListenerConfig, store: CertificateStore): QuicKeys {
    const current = currentSecret(listener, store);
    return deriveQuicKeys([current, ...this.#former(listener, current)]);
  }

  /** The configuration went live with these files. Listeners that it has not are forgotten. */
  adopt({ listeners }: GatewayConfig, store: CertificateStore): void {
    const kept = listeners.filter(({ quic }) => quic !== undefined);
    const live = kept.map((listener) => [listener.address, this.keysOf(listener, store).retryKeys] as const);
    this.#used.clear();
    for (const [address, secrets] of live) this.#used.set(address, secrets);
  }

  #former({ address }: ListenerConfig, current: Uint8Array): Uint8Array[] {
    const used = this.#used.get(address) ?? [];
    return used.filter((secret) => Buffer.compare(secret, current) !== 0);
  }
}

function currentSecret({ quic, name }: ListenerConfig, store: CertificateStore): Uint8Array {
  assert(quic !== undefined, `listener ${name} has no QUIC settings`);
  return new Uint8Array(store.bytes(quic.retry_secret_path));
}
