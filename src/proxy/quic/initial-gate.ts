/**
 * What becomes of a packet with a long header that belongs to no connection of a listener: an answer for
 * which nothing is remembered, a place among the ClientHellos that are being gathered, a connection, or
 * nothing. Feature rows A10.3 and A20.14; RFC 9000 sections 5.2.2, 7.2, 8.1 and 14.1.
 */
import { type ClientHelloResult, ClientHelloReader } from "../../wire/quic/client-hello-reader.ts";
import {
  MIN_FIRST_DCID_BYTES,
  MIN_INITIAL_DATAGRAM_BYTES,
  PacketHeader,
  PacketType,
} from "../../wire/quic/packet-header.ts";
import type { Admission, ConnectionMaker } from "./connection-maker.ts";
import { GATHER_TIMEOUT_MS, GatheredHello, type GatheredHelloOwner } from "./gathered-hello.ts";
import type { IdSource } from "./held-ids.ts";
import type { QuicEnvironment } from "./quic-environment.ts";
import type { QuicListenerSettings } from "./listener-settings.ts";
import { ReplayGuard } from "./replay-guard.ts";
import { RateAllowance } from "./rate-allowance.ts";
import type { StatelessReplies } from "./stateless-replies.ts";
import { TransportError } from "./transport-error.ts";
import { type Arrival, pathOf } from "./udp-paths.ts";

/** ClientHellos of several datagrams that a worker waits for at one time, at up to 75 KiB each. */
const MAX_GATHERED = 256;

/**
 * ClientHellos of unproven addresses that are decrypted in a second, at 0.1 ms each; more than that is load,
 * whether or not handshakes come of it. Feature row A20.14.
 */
export const UNPROVEN_HELLOS_PER_SECOND = 1000;

export interface InitialGateOptions {
  readonly environment: QuicEnvironment;
  readonly ids: IdSource;
  readonly replies: StatelessReplies;
  readonly maker: ConnectionMaker;
}

/** A token that a client has brought. */
type Proof =
  | { readonly kind: "none" }
  | { readonly kind: "valid"; readonly originalDcid: Buffer }
  | { readonly kind: "rejected" };

const NO_PROOF: Proof = { kind: "none" };
const REJECTED: Proof = { kind: "rejected" };

export class InitialGate implements GatheredHelloOwner {
  settings: QuicListenerSettings;
  draining = false;
  readonly #environment: QuicEnvironment;
  readonly #ids: IdSource;
  readonly #replies: StatelessReplies;
  readonly #maker: ConnectionMaker;
  readonly #gathered = new Set<GatheredHello>();
  readonly #replays = new ReplayGuard();
  readonly #unprovenHellos: RateAllowance;

  constructor(settings: QuicListenerSettings, { environment, ids, replies, maker }: InitialGateOptions) {
    this.settings = settings;
    this.#environment = environment;
    this.#ids = ids;
    this.#replies = replies;
    this.#maker = maker;
    this.#unprovenHellos = new RateAllowance(UNPROVEN_HELLOS_PER_SECOND, environment.clock.nowMs);
  }

  /** The header has been read from `bytes[start, end)`, a whole datagram. */
  receive(header: PacketHeader, start: number, end: number, arrival: Arrival): void {
    const { counters, engine } = this.#environment;
    const small = end - start < MIN_INITIAL_DATAGRAM_BYTES;
    if (header.type === PacketType.unknown || !engine.versions.includes(header.version)) {
      if (small || header.type === PacketType.versionNegotiation)
        counters.add("quic_packets_dropped_total", 1);
      else this.#replies.negotiateVersion(header, arrival);
      return;
    }
    if (header.type !== PacketType.initial || header.dcidEnd - header.dcidStart < MIN_FIRST_DCID_BYTES) {
      counters.add("quic_packets_dropped_total", 1);
    } else if (small) {
      counters.add("quic_initials_too_small_total", 1);
    } else {
      this.#begin(header, start, end, arrival);
    }
  }

  /** Forgets what is being gathered. */
  close(): void {
    for (const gathered of this.#gathered) this.#forget(gathered);
  }

  onHello(gathered: GatheredHello, result: ClientHelloResult): void {
    this.#forget(gathered);
    const { dcid, originalDcid, path, datagrams } = gathered;
    const refusal = this.#admit({ dcid, originalDcid, path, datagrams }, result);
    if (refusal === TransportError.none) return;
    const first = datagrams[0] as Buffer;
    const header = new PacketHeader();
    if (!header.parse(first, 0, first.length, 0)) return;
    this.#replies.refuse(header, path, refusal);
  }

  onHelloGivenUp(gathered: GatheredHello): void {
    this.#forget(gathered);
    this.#environment.counters.add("quic_client_hello_rejected_total", 1);
  }

  /** A client's first Initial packet. */
  #begin(header: PacketHeader, start: number, end: number, arrival: Arrival): void {
    const proof = this.#proof(header, arrival);
    const refusal = this.#refusal(proof);
    if (refusal !== TransportError.none) {
      this.#replies.refuse(header, pathOf(arrival), refusal);
      return;
    }
    if (proof.kind === "none" && this.#wantsProof()) {
      this.#replies.retry(header, arrival, this.settings.retryTokens);
      return;
    }
    const { bytes } = header;
    const admission: Admission = {
      dcid: Buffer.from(bytes.subarray(header.dcidStart, header.dcidEnd)),
      originalDcid: proof.kind === "valid" ? proof.originalDcid : null,
      path: pathOf(arrival),
      datagrams: [],
    };
    const reader = new ClientHelloReader(header);
    const result = reader.receive(bytes, start, end);
    if (result.kind === "incomplete") {
      this.#gather(admission, reader, bytes.subarray(start, end));
      return;
    }
    const code = this.#admit({ ...admission, datagrams: [bytes.subarray(start, end)] }, result);
    if (code !== TransportError.none) this.#replies.refuse(header, admission.path, code);
  }

  get #halfOpen(): number {
    return this.#gathered.size + this.#maker.halfOpen;
  }

  #wantsProof(): boolean {
    const { retry } = this.settings;
    if (retry.kind === "always" || this.#halfOpen >= retry.halfOpenThreshold) return true;
    return !this.#unprovenHellos.take(this.#environment.clock.nowMs);
  }

  #proof(header: PacketHeader, arrival: Arrival): Proof {
    const { bytes, tokenStart, tokenEnd } = header;
    if (tokenStart === tokenEnd) return NO_PROOF;
    const { clock, counters } = this.#environment;
    const dcid = bytes.subarray(header.dcidStart, header.dcidEnd);
    const token = bytes.subarray(tokenStart, tokenEnd);
    const result = this.settings.retryTokens.open(clock.wallMs, pathOf(arrival).remote, token, dcid);
    if (result.kind === "valid") {
      counters.add("quic_retry_tokens_accepted_total", 1);
      return { kind: "valid", originalDcid: result.originalDcid };
    }
    counters.add("quic_retry_tokens_rejected_total", 1);
    // What does not look like one of ours may be a token of another server: the client is none the worse for it.
    return result.reason === "malformed" ? NO_PROOF : REJECTED;
  }

  /** The code with which a client is turned away; `TransportError.none`: it is not. */
  #refusal(proof: Proof): number {
    if (proof.kind === "rejected") return TransportError.invalidToken;
    const full =
      this.#maker.open >= this.settings.maxConnections || this.#halfOpen >= this.settings.maxHalfOpen;
    return full || this.draining ? TransportError.connectionRefused : TransportError.none;
  }

  #gather(admission: Admission, reader: ClientHelloReader, datagram: Buffer): void {
    const { dcid, originalDcid, path } = admission;
    const { counters, clock, wheel } = this.#environment;
    const gathered = new GatheredHello(this, reader, dcid, originalDcid, path);
    if (this.#gathered.size >= MAX_GATHERED || !this.#ids.map.insert(dcid, 0, dcid.length, gathered)) {
      counters.add("quic_client_hello_rejected_total", 1);
      return;
    }
    gathered.datagrams.push(Buffer.from(datagram));
    this.#gathered.add(gathered);
    wheel.arm(gathered.timer, clock.nowMs + GATHER_TIMEOUT_MS);
  }

  /**
   * The engine answers a ClientHello that breaks a rule of TLS; what is no ClientHello at all gets no answer.
   * The code is that of `ConnectionMaker.make`.
   */
  #admit(admission: Admission, result: ClientHelloResult): number {
    if (result.kind === "hello") {
      if (this.settings.earlyData && !this.#replays.admit(admission.originalDcid ?? admission.dcid)) {
        this.#environment.counters.add("quic_replays_dropped_total", 1);
        return TransportError.none;
      }
      return this.#maker.make(admission, result.serverName, result.applicationProtocols);
    }
    if (result.kind === "invalid" && isForEngine(result.reason)) return this.#maker.make(admission, "", []);
    this.#environment.counters.add("quic_client_hello_rejected_total", 1);
    return TransportError.none;
  }

  #forget(gathered: GatheredHello): void {
    this.#environment.wheel.remove(gathered.timer);
    this.#gathered.delete(gathered);
    this.#ids.map.delete(gathered.dcid, 0, gathered.dcid.length);
  }
}

function isForEngine(reason: string): boolean {
  return reason !== "undecryptable" && reason !== "too many packets" && reason !== "too large";
}
