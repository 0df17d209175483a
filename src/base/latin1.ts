/**
 * The fast paths that every Node.js has between one-byte strings and bytes, without the dispatch on
 * an encoding name. HTTP heads are octets; Latin-1 maps each to one character.
 */
declare global {
  // The type parameter must be spelt as in the declaration that this one merges with.
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    latin1Slice(start?: number, end?: number): string;
    latin1Write(text: string, offset?: number, length?: number): number;
  }
}

export {};
