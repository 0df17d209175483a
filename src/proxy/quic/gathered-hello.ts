/**
 * The first datagrams of a client whose ClientHello is not whole yet: kept until the name in it is known,
 * which chooses the certificate, then given to the engine in the order in which they came.
 */
import { Timer } from "../../base/timer-wheel.ts";
import type { ClientHelloReader, ClientHelloResult } from "../../wire/quic/client-hello-reader.ts";
import type { Routed } from "./routed.ts";
import type { Arrival } from "./udp-paths.ts";
import { cameOver } from "./udp-paths.ts";
import type { UdpPath } from "../../fastpath/udp.ts";

/** Twice what the largest ClientHello takes in datagrams of the least size. */
const MAX_KEPT_DATAGRAMS = 28;

/** What those hold, if they are no larger than most networks carry. */
const MAX_KEPT_BYTES = 42_000;

/** A client sends all of its ClientHello at once; what was lost comes again within a second or two. */
export const GATHER_TIMEOUT_MS = 3000;

export interface GatheredHelloOwner {
  /** All is known that can be: accept the client, or leave it. */
  onHello(gathered: GatheredHello, result: ClientHelloResult): void;
  /** It did not come in time, or took too much. */
  onHelloGivenUp(gathered: GatheredHello): void;
}

export class GatheredHello implements Routed {
  /** The connection ID that its packets have. */
  readonly dcid: Buffer;
  /** After a Retry, the one that the client chose first. */
  readonly originalDcid: Buffer | null;
  readonly path: UdpPath;
  readonly datagrams: Buffer[] = [];
  readonly timer: Timer;
  readonly #reader: ClientHelloReader;
  readonly #owner: GatheredHelloOwner;
  #bytes = 0;

  constructor(
    owner: GatheredHelloOwner,
    reader: ClientHelloReader,
    dcid: Buffer,
    originalDcid: Buffer | null,
    path: UdpPath,
  ) {
    this.#owner = owner;
    this.#reader = reader;
    this.dcid = dcid;
    this.originalDcid = originalDcid;
    this.path = path;
    this.timer = new Timer(() => this.#owner.onHelloGivenUp(this));
  }

  onDatagram(bytes: Buffer, start: number, end: number, arrival: Arrival): void {
    // Nobody has proved an address yet: whoever else uses this connection ID is not heard.
    if (!cameOver(this.path, arrival)) return;
    const result = this.#reader.receive(bytes, start, end);
    this.#bytes += end - start;
    if (this.datagrams.length === MAX_KEPT_DATAGRAMS || this.#bytes > MAX_KEPT_BYTES) {
      this.#owner.onHelloGivenUp(this);
      return;
    }
    this.datagrams.push(Buffer.from(bytes.subarray(start, end)));
    if (result.kind !== "incomplete") this.#owner.onHello(this, result);
  }
}
