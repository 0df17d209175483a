/**
 * The connection IDs by which packets reach one connection (RFC 9000 section 5.1): put into the endpoint's
 * map, offered to the peer as spares when it may migrate, and taken out when they are retired or
 * the connection is gone.
 */
import type { QuicConnectionEngine } from "../../fastpath/quic-engine.ts";
import { CONNECTION_ID_BYTES, type ConnectionIdIssuer } from "../../wire/quic/connection-id.ts";
import type { ConnectionIdMap } from "../../wire/quic/connection-id-map.ts";
import type { StatelessResets } from "../../wire/quic/stateless-reset.ts";
import type { Routed } from "./routed.ts";

/** Spares that a peer holds at one time, if it takes so many: one for each path that it tries. */
const MAX_SPARE_IDS = 4;

/**
 * IDs that a connection may use up: one for each change of address, for longer than a phone keeps a
 * connection. A peer that retires IDs for the sake of it gets no more (CVE-2024-1410).
 */
const MAX_IDS_ISSUED = 256;

export interface IdSource {
  readonly map: ConnectionIdMap<Routed>;
  readonly issuer: ConnectionIdIssuer;
  readonly resets: StatelessResets;
}

export class HeldIds {
  readonly #source: IdSource;
  readonly #connection: Routed;
  readonly #ids: Buffer[] = [];
  #issued = 0;

  constructor(source: IdSource, connection: Routed) {
    this.#source = source;
    this.#connection = connection;
  }

  /** False: the map is full. */
  hold(id: Buffer): boolean {
    if (!this.#source.map.insert(id, 0, id.length, this.#connection)) return false;
    this.#ids.push(id);
    return true;
  }

  /** Gives the peer as many spares as it takes. */
  offerSpares(engine: QuicConnectionEngine): void {
    while (this.#ids.length <= MAX_SPARE_IDS && this.#issued < MAX_IDS_ISSUED) {
      const id = Buffer.allocUnsafe(CONNECTION_ID_BYTES);
      this.#source.issuer.issue(id, 0);
      if (!engine.offerConnectionId(id, this.#source.resets.token(id))) return;
      this.#issued += 1;
      if (!this.hold(id)) return;
    }
  }

  /** Takes out what the peer has retired; returns whether there was something. */
  releaseRetired(engine: QuicConnectionEngine): boolean {
    let some = false;
    for (let i = 0; i < MAX_IDS_ISSUED; i++) {
      const id = engine.retiredConnectionId();
      if (id === null) break;
      some = true;
      this.#release(id);
    }
    return some;
  }

  releaseAll(): void {
    const ids = this.#ids;
    for (let i = 0; i < ids.length; i++) this.#delete(ids[i] as Buffer);
    ids.length = 0;
  }

  #release(id: Buffer): void {
    const at = this.#ids.findIndex((held) => held.equals(id));
    if (at === -1) return;
    this.#ids.splice(at, 1);
    this.#delete(id);
  }

  /** Of two connections that a client wished to have under one ID, the later one has it. */
  #delete(id: Buffer): void {
    const { map } = this.#source;
    if (map.find(id, 0, id.length) === this.#connection) map.delete(id, 0, id.length);
  }
}
