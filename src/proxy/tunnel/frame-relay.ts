/**
 * One direction of a WebSocket tunnel: bytes pass as they come, watched by the frame observer, until
 * something ends it. Close frames of the gateway's own go in between two frames only; inside a frame they
 * wait for its end.
 *
 *   passing --(Close passed)------------------------> muted --end--> ended
 *      |----(close, between frames)--> Close sent ------^
 *      '----(close, inside a frame)--> finishing -------'
 */
import type { FrameObserver } from "../../wire/ws/frame-observer.ts";

/** Where a direction leads. */
export interface FrameOutlet {
  /** False: the receiver is full. */
  write(bytes: Buffer, start: number, end: number): boolean;
}

export class FrameRelay {
  readonly observer: FrameObserver;
  readonly #outlet: FrameOutlet;
  #state: "passing" | "finishing" | "muted" | "ended" = "passing";
  /** Waits for the end of the frame under way. */
  #close: Buffer | null = null;
  /** The sender has ended this direction. */
  sourceEnded = false;
  /** Since when the frame under way, and since when the receiver is full; `Infinity`: there is none, it is not. */
  #frameMs = Infinity;
  #blockedMs = Infinity;

  constructor(observer: FrameObserver, outlet: FrameOutlet) {
    this.observer = observer;
    this.#outlet = outlet;
  }

  /** The receiver has got a Close frame, whoever it is from, and gets nothing behind it. */
  get told(): boolean {
    return this.#state === "muted" || this.#state === "ended";
  }

  /** Nothing is to be expected of the sender any more: it has sent Close, or its end, or what cannot be understood. */
  get sourceDone(): boolean {
    return this.sourceEnded || this.observer.finished;
  }

  /** Since when something that has begun is not through: a frame, or its forwarding; `Infinity`: nothing is. */
  get stuckMs(): number {
    return Math.min(this.#frameMs, this.#blockedMs);
  }

  /** Passes on what may pass. False: the receiver is full. */
  pass(bytes: Buffer, start: number, end: number, nowMs: number): boolean {
    const { observer } = this;
    if (observer.finished) return true;
    const frames = observer.begun;
    let room = true;
    let position = start;
    if (observer.headLength > 0) {
      position = observer.complete(bytes, start, end);
      if (observer.headWhole) {
        if (this.#state === "passing") room = this.#write(observer.head, 0, observer.headLength);
        observer.headSent();
      }
    }
    const outstanding = observer.payloadLeft;
    const stop = observer.headLength > 0 ? position : observer.observe(bytes, position, end);
    if (stop > position) room = this.#forward(bytes, position, stop, outstanding) && room;
    if (observer.closed && this.#state === "passing") this.#state = "muted";
    if (!observer.insideFrame) this.#frameMs = Infinity;
    else if (observer.begun !== frames) this.#frameMs = nowMs;
    if (!room && this.#blockedMs === Infinity) this.#blockedMs = nowMs;
    return room;
  }

  /** The receiver has room again. */
  resumed(): void {
    this.#blockedMs = Infinity;
  }

  /** Lets the receiver have this Close frame and nothing more; inside a frame, as soon as that is complete. */
  close(frame: Buffer): void {
    if (this.#state !== "passing") return;
    if (this.observer.payloadLeft > 0) {
      this.#close = frame;
      this.#state = "finishing";
      return;
    }
    this.#state = "muted";
    this.#outlet.write(frame, 0, frame.length);
  }

  /** The direction ends here. */
  end(): void {
    this.#state = "ended";
  }

  /** `outstanding`: octets of the frame that was under way before `bytes[start, end)`. */
  #forward(bytes: Buffer, start: number, end: number, outstanding: number): boolean {
    switch (this.#state) {
      case "passing":
        return this.#write(bytes, start, end);
      case "finishing": {
        const rest = Math.min(end - start, outstanding);
        const room = this.#write(bytes, start, start + rest);
        if (rest < outstanding) return room;
        const close = this.#close as Buffer;
        this.#state = "muted";
        return this.#write(close, 0, close.length);
      }
      case "muted":
      case "ended":
        return true;
    }
  }

  #write(bytes: Buffer, start: number, end: number): boolean {
    return this.#outlet.write(bytes, start, end);
  }
}
