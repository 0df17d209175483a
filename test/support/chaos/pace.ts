/** How the chaos test's peers are slow: they write in pieces, and stop reading for a while. */
import type { Random } from "../../fuzz/random.ts";
import { pause } from "../wait-for.ts";

/** A socket, or a stream of HTTP/2. */
interface Writer {
  readonly writable: boolean;
  write(bytes: Buffer): unknown;
}

interface Reader {
  pause(): unknown;
  resume(): unknown;
}

/** Long enough for the other side to run into full buffers with a large body, short enough for thousands. */
const MAX_PAUSE_MS = 12;

/** Hands `bytes` to the socket, in so many pieces when it is above 0. Ends early when the socket has gone. */
export async function writePaced(
  socket: Writer,
  bytes: Buffer,
  pieces: number,
  random: Random,
): Promise<void> {
  if (pieces === 0) {
    if (socket.writable && bytes.length > 0) socket.write(bytes);
    return;
  }
  const most = Math.ceil((2 * bytes.length) / pieces) + 1;
  for (let at = 0; at < bytes.length && socket.writable;) {
    const size = Math.min(bytes.length - at, 1 + random.below(most));
    socket.write(bytes.subarray(at, at + size));
    at += size;
    if (at < bytes.length) await pause(1 + random.below(3));
  }
}

/** Stops reading after some of what comes in, up to `times` times. */
export class SlowReader {
  readonly #socket: Reader;
  readonly #random: Random;
  #times: number;

  constructor(socket: Reader, times: number, random: Random) {
    this.#socket = socket;
    this.#times = times;
    this.#random = random;
  }

  /** Call when bytes have come. */
  read(): void {
    if (this.#times === 0) return;
    this.#times--;
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), 1 + this.#random.below(MAX_PAUSE_MS));
  }
}
