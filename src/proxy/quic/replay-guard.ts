/**
 * First flights that were let in already (RFC 8446 section 8, RFC 9001 section 9.2): somebody who recorded a
 * client's early data could send them again, once the connection is over. Their packets are bound to the
 * connection ID that the client chose, so that is what is remembered. Feature rows A10.8 and A20.15.
 *
 * It knows what came to this worker. What comes to another, or to another machine, is met by the
 * rule that early data serve safe requests alone (RFC 8470).
 */
import { randomBytes } from "node:crypto";
import { ConnectionIdMap } from "../../wire/quic/connection-id-map.ts";
import { HASH_KEY_BYTES } from "../../wire/quic/half-sip-hash.ts";

/** First flights that are remembered, at least half of them: feature row A10.8. */
const MAX_REMEMBERED = 65_536;

/** That it is there is all there is to know. */
type Seen = Readonly<Record<string, never>>;
const SEEN: Seen = {};

export class ReplayGuard {
  readonly #capacity: number;
  /** The newer half and the older half; the older one is forgotten when the newer one is full. */
  #newer: ConnectionIdMap<Seen>;
  #older: ConnectionIdMap<Seen>;

  constructor(capacity: number = MAX_REMEMBERED) {
    this.#capacity = capacity / 2;
    this.#newer = this.#half();
    this.#older = this.#half();
  }

  /** Whether the first flight to this connection ID is the first one; it is remembered. */
  admit(dcid: Buffer): boolean {
    if (this.#newer.find(dcid, 0, dcid.length) !== null) return false;
    if (this.#older.find(dcid, 0, dcid.length) !== null) return false;
    if (this.#newer.size >= this.#capacity) {
      this.#older = this.#newer;
      this.#newer = this.#half();
    }
    return this.#newer.insert(dcid, 0, dcid.length, SEEN);
  }

  #half(): ConnectionIdMap<Seen> {
    return new ConnectionIdMap<Seen>(this.#capacity, randomBytes(HASH_KEY_BYTES));
  }
}
