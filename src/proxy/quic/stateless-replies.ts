/**
 * Replies of a listener to packets that belong to no connection, for which nothing is remembered: Version
 * Negotiation, Retry (RFC 9000 sections 6 and 8.1.2), CONNECTION_CLOSE (section 10.2.3) and stateless reset
 * (section 10.3). Every one is
 * shorter than what it answers, so two endpoints that answer each other come to an end.
 */
import { randomFillSync } from "node:crypto";
import type { UdpPath } from "../../fastpath/udp.ts";
import { CONNECTION_ID_BYTES, type ConnectionIdIssuer } from "../../wire/quic/connection-id.ts";
import { MAX_INITIAL_CLOSE_BYTES, writeInitialClose } from "../../wire/quic/initial-close.ts";
import type { PacketHeader } from "../../wire/quic/packet-header.ts";
import { MAX_RETRY_OVERHEAD_BYTES, writeRetry } from "../../wire/quic/retry-packet.ts";
import { MAX_RETRY_TOKEN_BYTES, type RetryTokens } from "../../wire/quic/retry-token.ts";
import {
  MAX_RESET_BYTES,
  MAX_UNANSWERED_BYTES,
  type StatelessResets,
} from "../../wire/quic/stateless-reset.ts";
import { MAX_VERSION_NEGOTIATION_BYTES, VersionNegotiation } from "../../wire/quic/version-negotiation.ts";
import type { PacketSender } from "./packet-sender.ts";
import type { QuicEnvironment } from "./quic-environment.ts";
import { RateAllowance } from "./rate-allowance.ts";
import { type Arrival, pathOf } from "./udp-paths.ts";

/** Stateless resets of a worker: those of a worker that died with 10,000 connections in 20 s, at 5 µs each. */
export const RESETS_PER_SECOND = 500;

/** Clients that a worker turns away and tells so, at 55 µs each, most of it keys: strangers may ask for any number. */
export const REFUSALS_PER_SECOND = 500;

const SCRATCH_BYTES = Math.max(
  MAX_VERSION_NEGOTIATION_BYTES,
  MAX_RETRY_TOKEN_BYTES + MAX_RETRY_OVERHEAD_BYTES,
  MAX_INITIAL_CLOSE_BYTES,
  MAX_RESET_BYTES,
);

export interface StatelessRepliesOptions {
  readonly environment: QuicEnvironment;
  readonly sender: PacketSender;
  readonly issuer: ConnectionIdIssuer;
  readonly resets: StatelessResets;
}

export class StatelessReplies {
  readonly #environment: QuicEnvironment;
  readonly #sender: PacketSender;
  readonly #issuer: ConnectionIdIssuer;
  readonly #resets: StatelessResets;
  readonly #versions: VersionNegotiation;
  readonly #resetsLeft: RateAllowance;
  readonly #refusalsLeft: RateAllowance;
  readonly #scratch = Buffer.alloc(SCRATCH_BYTES);

  constructor({ environment, sender, issuer, resets }: StatelessRepliesOptions) {
    this.#environment = environment;
    this.#sender = sender;
    this.#issuer = issuer;
    this.#resets = resets;
    this.#versions = new VersionNegotiation(environment.engine.versions);
    this.#resetsLeft = new RateAllowance(RESETS_PER_SECOND, environment.clock.nowMs);
    this.#refusalsLeft = new RateAllowance(REFUSALS_PER_SECOND, environment.clock.nowMs);
  }

  /** Which versions there are. The datagram has the size of one with an Initial packet at least. */
  negotiateVersion(header: PacketHeader, arrival: Arrival): void {
    randomFillSync(this.#scratch, 0, 4);
    const random = this.#scratch.readUInt32BE(0);
    const end = this.#versions.write(this.#scratch, 0, header, random);
    if (this.#send(pathOf(arrival), end)) {
      this.#environment.counters.add("quic_version_negotiations_sent_total", 1);
    }
  }

  /** Come again with this token, and to this connection ID. */
  retry(header: PacketHeader, arrival: Arrival, tokens: RetryTokens): void {
    const path = pathOf(arrival);
    const scid = Buffer.allocUnsafe(CONNECTION_ID_BYTES);
    this.#issuer.issue(scid, 0);
    const dcid = header.bytes.subarray(header.dcidStart, header.dcidEnd);
    const token = tokens.mint(this.#environment.clock.wallMs, path.remote, dcid, scid);
    const end = writeRetry(this.#scratch, 0, header, { scid, token });
    if (this.#send(path, end)) this.#environment.counters.add("quic_retries_sent_total", 1);
  }

  /** A client is turned away, and told so if there are not too many. */
  refuse(header: PacketHeader, path: UdpPath, code: number): void {
    const { clock, counters } = this.#environment;
    counters.add("quic_connections_refused_total", 1);
    if (!this.#refusalsLeft.take(clock.nowMs)) {
      counters.add("quic_replies_withheld_total", 1);
      return;
    }
    const scid = Buffer.allocUnsafe(CONNECTION_ID_BYTES);
    this.#issuer.issue(scid, 0);
    const end = writeInitialClose(this.#scratch, 0, header, scid, code);
    this.#send(path, end);
  }

  /** There is no such connection, for a packet with a short header in a datagram of `datagramBytes`. */
  reset(header: PacketHeader, datagramBytes: number, arrival: Arrival): void {
    const { clock, counters } = this.#environment;
    if (datagramBytes <= MAX_UNANSWERED_BYTES) {
      counters.add("quic_packets_dropped_total", 1);
      return;
    }
    if (!this.#resetsLeft.take(clock.nowMs)) {
      counters.add("quic_replies_withheld_total", 1);
      return;
    }
    randomFillSync(this.#scratch, 0, MAX_RESET_BYTES);
    const id = header.bytes.subarray(header.dcidStart, header.dcidEnd);
    const end = this.#resets.write(this.#scratch, 0, datagramBytes, id);
    if (this.#send(pathOf(arrival), end)) counters.add("quic_stateless_resets_sent_total", 1);
  }

  #send(path: UdpPath, end: number): boolean {
    return this.#sender.sendDatagram(path, this.#scratch, 0, end);
  }
}
