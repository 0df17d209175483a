/** Changes an input a little, several times over: what a target fuzzes is near what is valid. */
import type { Random } from "./random.ts";

/** `others` are inputs to take pieces from. */
export type Change<T> = (input: T, random: Random, others: readonly T[]) => T;

const MAX_CHANGES = 5;

/** `input` after at most `MAX_CHANGES` of the changes, perhaps after none. It stays as it is itself if the changes leave it so. */
export function mutate<T>(input: T, others: readonly T[], changes: readonly Change<T>[], random: Random): T {
  let changed = input;
  for (let left = random.below(MAX_CHANGES + 1); left > 0; left--) {
    changed = random.pick(changes)(changed, random, others);
  }
  return changed;
}

/** Changes of octets; `telling` are those that mean something to some parser, and their neighbours. */
export function octetChanges(telling: Buffer): readonly Change<Buffer>[] {
  const octet = (random: Random): number =>
    random.once(4) ? random.below(256) : (telling[random.below(telling.length)] as number);
  return [
    function replaceOctet(bytes, random) {
      const changed = Buffer.from(bytes);
      if (bytes.length > 0) changed[random.below(bytes.length)] = octet(random);
      return changed;
    },
    function insertOctet(bytes, random) {
      return splice(bytes, random.below(bytes.length + 1), 0, Buffer.from([octet(random)]));
    },
    function removeOctets(bytes, random) {
      return splice(bytes, random.below(bytes.length + 1), 1 + random.below(4), Buffer.alloc(0));
    },
    function cut(bytes, random) {
      return bytes.subarray(0, random.below(bytes.length + 1));
    },
    function append(bytes, random, others) {
      return Buffer.concat([bytes, random.pick(others)]);
    },
    function cross(bytes, random, others) {
      const other = random.pick(others);
      const from = random.below(other.length + 1);
      return Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(from)]);
    },
    function grow(bytes, random) {
      const octets = Buffer.alloc(random.pick([30, 250, 260, 1000, 5000]), octet(random));
      return splice(bytes, random.below(bytes.length + 1), 0, octets);
    },
  ];
}

/** Changes of an input that is a list, of blocks or frames: `changes` are those of one of them. */
export function listChanges<T>(changes: readonly Change<T>[]): readonly Change<readonly T[]>[] {
  const changeOne: Change<readonly T[]> = (list, random, others) => {
    if (list.length === 0) return list;
    const at = random.below(list.length);
    return list.with(at, random.pick(changes)(list[at] as T, random, random.pick(others)));
  };
  return [
    changeOne,
    changeOne,
    changeOne,
    function remove(list, random) {
      return list.toSpliced(random.below(list.length + 1), 1);
    },
    function repeat(list, random) {
      if (list.length === 0) return list;
      return list.toSpliced(random.below(list.length + 1), 0, random.pick(list));
    },
    function move(list, random) {
      if (list.length === 0) return list;
      const at = random.below(list.length);
      return list.toSpliced(at, 1).toSpliced(random.below(list.length), 0, list[at] as T);
    },
    function borrow(list, random, others) {
      const other = random.pick(others);
      return list.toSpliced(random.below(list.length + 1), 0, random.pick(other));
    },
    function cut(list, random) {
      return list.slice(0, random.below(list.length + 1));
    },
  ];
}

export function splice(bytes: Buffer, at: number, remove: number, insert: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
}
