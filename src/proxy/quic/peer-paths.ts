/** Where the peer of a connection is, and where else its packets have come from (RFC 9000 section 9). */
import { formatIp } from "../../base/ip.ts";
import type { UdpPath } from "../../fastpath/udp.ts";
import { type Arrival, cameOver, pathOf } from "./udp-paths.ts";

/** Addresses that a peer may try beside the one that it is at. */
const MAX_OTHER_PATHS = 4;

export class PeerPaths {
  readonly #others: UdpPath[] = [];
  #current: UdpPath;
  #remoteAddress = "";

  constructor(path: UdpPath) {
    this.#current = path;
  }

  get current(): UdpPath {
    return this.#current;
  }

  /** Numeric. */
  get remoteAddress(): string {
    if (this.#remoteAddress === "") this.#remoteAddress = formatIp(this.#current.remote.words);
    return this.#remoteAddress;
  }

  /** The path of a datagram, the same object for the same path; `null`: it is not to use another than the present one. */
  of(arrival: Arrival, migration: boolean): UdpPath | null {
    if (cameOver(this.#current, arrival)) return this.#current;
    if (!migration) return null;
    const others = this.#others;
    for (let i = 0; i < others.length; i++) {
      if (cameOver(others[i] as UdpPath, arrival)) return others[i] as UdpPath;
    }
    if (others.length === MAX_OTHER_PATHS) others.shift();
    const path = pathOf(arrival);
    others.push(path);
    return path;
  }

  /** The peer has moved. */
  moveTo(path: UdpPath): void {
    this.#current = path;
    this.#remoteAddress = "";
  }
}
