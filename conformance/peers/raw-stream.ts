/** A stream of raw QUIC on a peer of `peer-process.ts`: what has come on it, and what is to be sent. `raw-peer.ts` makes them. */
import type { PeerProcess } from "./peer-process.ts";

export class RawStream {
  /** That of QUIC; -1: the peer has not told it yet. */
  id = -1;
  octets = 0;
  /** FIN has come. */
  ended = false;
  /** Of the RESET_STREAM and of the STOP_SENDING that came. */
  resetCode: number | undefined;
  stoppedCode: number | undefined;
  /** Octets that were sent; with aioquic, and have arrived. */
  sent = 0;
  onData: (bytes: Buffer) => void = () => {};
  onEnd: () => void = () => {};
  readonly #process: PeerProcess;
  /** Between this program and the peer. */
  readonly #number: number;
  readonly #parts: Buffer[] = [];

  constructor(process: PeerProcess, number: number) {
    this.#process = process;
    this.#number = number;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  write(bytes: Buffer | string): void {
    this.#process.send("D", this.#number, Buffer.from(bytes));
  }

  /** FIN, in a frame of its own where what was written before has been sent already. */
  end(bytes?: Buffer | string): void {
    if (bytes !== undefined) this.write(bytes);
    this.#process.send("E", this.#number);
  }

  reset(code: number): void {
    this.#process.sendJson("R", this.#number, code);
  }

  /** STOP_SENDING. */
  stop(code: number): void {
    this.#process.sendJson("S", this.#number, code);
  }

  /** One event, as `aioquic_raw.py` tells them. */
  take(kind: string, payload: Buffer): void {
    switch (kind) {
      case "i":
        this.id = Number(payload.toString());
        return;
      case "d":
        this.octets += payload.length;
        this.#parts.push(payload);
        this.onData(payload);
        return;
      case "e":
        this.ended = true;
        this.onEnd();
        return;
      case "r":
        this.resetCode = Number(payload.toString());
        return;
      case "s":
        this.stoppedCode = Number(payload.toString());
        return;
      case "w":
        this.sent += Number(payload.toString());
    }
  }
}
