/**
 * Between whom a datagram went: records of a batch of datagrams, compared with paths that are known and
 * made into new ones. The endpoints and their connections use it; comparing allocates nothing.
 */
import { formatIp, MAPPED_WORD } from "../../base/ip.ts";
import {
  UDP_LOCAL,
  UDP_RECORD_WORDS,
  UDP_REMOTE,
  UDP_REMOTE_PORT,
  UDP_SCOPE,
  type UdpAddress,
  type UdpPath,
} from "../../fastpath/udp.ts";

/** Where a datagram came from and went to: a record of a batch, and the address of the socket. */
export interface Arrival {
  records: Uint32Array;
  /** First word of the record. */
  at: number;
  socketLocal: UdpAddress;
}

export function recordStart(index: number): number {
  return index * UDP_RECORD_WORDS;
}

/** Whether the datagram came over this path. A local address that either does not know is any. */
export function cameOver(path: UdpPath, arrival: Arrival): boolean {
  const { records, at } = arrival;
  const { local, remote } = path;
  return (
    remote.port === records[at + UDP_REMOTE_PORT] &&
    (remote.scope ?? 0) === records[at + UDP_SCOPE] &&
    wordsEqual(remote.words, 0, records, at + UDP_REMOTE) &&
    (wordsEqual(local.words, 0, records, at + UDP_LOCAL) ||
      isUnknown(records, at + UDP_LOCAL) ||
      isUnknown(local.words, 0))
  );
}

/** A path of its own for the datagram. Without an address that it was sent to, the socket's stands for it. */
export function pathOf(arrival: Arrival): UdpPath {
  const { records, at, socketLocal } = arrival;
  const unknown = isUnknown(records, at + UDP_LOCAL);
  const words = records.slice(at + UDP_LOCAL, at + UDP_LOCAL + 4);
  return {
    local: unknown ? localOf(socketLocal) : { words, port: socketLocal.port },
    remote: remoteOf(records, at),
  };
}

function remoteOf(records: Uint32Array, at: number): UdpAddress {
  const words = records.slice(at + UDP_REMOTE, at + UDP_REMOTE + 4);
  const port = records[at + UDP_REMOTE_PORT] as number;
  const scope = records[at + UDP_SCOPE] as number;
  return scope === 0 ? { words, port } : { words, port, scope };
}

/** The local end of what a socket sends: all zeroes, so that the kernel chooses, unless it is bound to one address. */
export function localOf(socketLocal: UdpAddress): UdpAddress {
  if (!isUnknown(socketLocal.words, 0)) return socketLocal;
  return { words: new Uint32Array(4), port: socketLocal.port };
}

export function sameAddress(one: UdpAddress, other: UdpAddress): boolean {
  return (
    one === other ||
    (one.port === other.port && one.scope === other.scope && wordsEqual(one.words, 0, other.words, 0))
  );
}

/** The address that a datagram came from, as text. Allocates. */
export function remoteText(arrival: Arrival): string {
  return formatIp(arrival.records.subarray(arrival.at + UDP_REMOTE, arrival.at + UDP_REMOTE + 4));
}

/**
 * How well a socket that is bound to `local` fits the address that a datagram was sent to, of those on its port.
 * 0: it is of the other address family.
 */
export function socketFit({ words }: UdpAddress, { records, at }: Arrival): number {
  const ofV4 = records[at + UDP_REMOTE] === 0 && records[at + UDP_REMOTE + 2] === MAPPED_WORD;
  if ((words[0] === 0 && words[2] === MAPPED_WORD) !== ofV4) return 0;
  if (isUnknown(words, 0)) return 2;
  return wordsEqual(words, 0, records, at + UDP_LOCAL) ? 3 : 1;
}

function wordsEqual(one: Uint32Array, oneAt: number, other: Uint32Array, otherAt: number): boolean {
  return (
    one[oneAt + 3] === other[otherAt + 3] &&
    one[oneAt + 2] === other[otherAt + 2] &&
    one[oneAt + 1] === other[otherAt + 1] &&
    one[oneAt] === other[otherAt]
  );
}

/** `::`, or `0.0.0.0` in its mapped form. */
function isUnknown(words: Uint32Array, at: number): boolean {
  if (words[at] !== 0 || words[at + 1] !== 0 || words[at + 3] !== 0) return false;
  return words[at + 2] === 0 || words[at + 2] === MAPPED_WORD;
}
