/**
 * The addresses of a connection as quiche has them (texts) and as we have them (`UdpPath`). Neither is made
 * anew for each packet: the paths that were met are kept, and the object that was given is given back.
 */
import type { Host, RecvInfo } from "@matrixai/quic/native/types.js";
import { assert } from "../base/assert.ts";
import { formatIp, IpFamily, parseIp } from "../base/ip.ts";
import type { UdpAddress, UdpPath } from "./udp.ts";

/** quiche keeps up to four paths itself; beyond ours, the oldest is forgotten, and made anew when it is met again. */
const MAX_PATHS = 8;

interface KnownPath {
  readonly path: UdpPath;
  /** Ready for quiche: `from` is the peer. */
  readonly info: RecvInfo;
}

export class QuichePaths {
  readonly #first: KnownPath;
  readonly #known: KnownPath[];
  readonly #fixed: boolean;
  /** The kernel chooses the local address: packets tell one, which quiche does not know. */
  readonly #anyLocal: boolean;
  #received: KnownPath;
  #sent: KnownPath;

  /** `fixed`: nothing is received from anywhere else. */
  constructor(path: UdpPath, fixed: boolean) {
    this.#first = knownPath(path);
    this.#known = [this.#first];
    this.#fixed = fixed;
    this.#anyLocal = isUnspecified(path.local);
    this.#received = this.#first;
    this.#sent = this.#first;
  }

  /** Where the connection began. */
  get first(): RecvInfo {
    return this.#first.info;
  }

  /** Where the last packet went, and before any where the connection began. */
  get sent(): UdpPath {
    return this.#sent.path;
  }

  /** Where a packet came from, for quiche; `null`: it is of no path of this connection. */
  received(path: UdpPath): RecvInfo | null {
    if (this.#received.path === path) return this.#received.info;
    const known = this.#find(path);
    if (known === null) {
      if (this.#fixed) return null;
      this.#received = this.#remember(path);
    } else {
      this.#received = known;
    }
    return this.#received.info;
  }

  /** quiche has sent a packet between these. */
  setSent(local: Host, remote: Host): void {
    if (!this.#fixed && !isBetween(this.#sent, local, remote)) this.#sent = this.#lookup(local, remote);
  }

  /** The path between these. */
  between(local: Host, remote: Host): UdpPath {
    return this.#lookup(local, remote).path;
  }

  #find(path: UdpPath): KnownPath | null {
    for (const known of this.#known) {
      if (!sameAddress(known.path.remote, path.remote)) continue;
      if (this.#anyLocal || sameAddress(known.path.local, path.local)) return known;
    }
    return null;
  }

  #lookup(local: Host, remote: Host): KnownPath {
    for (const known of this.#known) if (isBetween(known, local, remote)) return known;
    const path = { local: addressOf(local), remote: addressOf(remote) };
    return this.#find(path) ?? this.#remember(path);
  }

  #remember(path: UdpPath): KnownPath {
    const made = this.#anyLocal ? { local: this.#first.path.local, remote: path.remote } : path;
    const known = knownPath(made);
    if (this.#known.length === MAX_PATHS) this.#known.splice(1, 1);
    this.#known.push(known);
    return known;
  }
}

function knownPath(path: UdpPath): KnownPath {
  return { path, info: { from: hostOf(path.remote), to: hostOf(path.local) } };
}

function isBetween({ info }: KnownPath, local: Host, remote: Host): boolean {
  return (
    info.from.port === remote.port &&
    info.to.port === local.port &&
    info.from.host === remote.host &&
    info.to.host === local.host
  );
}

function hostOf(address: UdpAddress): Host {
  assert(Number.isInteger(address.port) && address.port >= 0 && address.port <= 0xffff, "this is no port");
  return { host: formatIp(address.words), port: address.port };
}

function addressOf({ host, port }: Host): UdpAddress {
  const words = new Uint32Array(4);
  assert(parseIp(host, words) !== IpFamily.none, "the engine names a path by its addresses");
  return { words, port };
}

function sameAddress(a: UdpAddress, b: UdpAddress): boolean {
  return (
    a.port === b.port &&
    a.words[3] === b.words[3] &&
    a.words[2] === b.words[2] &&
    a.words[1] === b.words[1] &&
    a.words[0] === b.words[0]
  );
}

function isUnspecified({ words }: UdpAddress): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 0;
}
