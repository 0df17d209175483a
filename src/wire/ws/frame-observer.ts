/**
 * Watches the frames of one direction of a WebSocket connection (RFC 6455 section 5) while they pass:
 * bytes in, how many of them may go on. It holds back nothing but a header that is not whole (13
 * octets), so that a direction is always between two frames or inside a payload, and a frame that must
 * not pass is stopped before its first octet.
 *
 * It judges what its own counting depends on: the mask bit, lengths, control frames, the size of
 * messages, the number of Pings. Reserved bits and opcodes belong to extensions that the two ends agreed
 * on, and contents to the ends: they pass.
 *
 * Called by the frame relay of a tunnel:
 *
 *   if (observer.headLength > 0) position = observer.complete(bytes, start, end)
 *   stop = observer.observe(bytes, position, end)       bytes[position, stop) may go on
 *
 *   between frames --octet--> header --whole--> payload --all of it--> between frames, or closed
 *                                 \--refused
 */
import { CONTROL_BIT, Opcode } from "./opcode.ts";
import {
  headerLength,
  MASK_BIT,
  MAX_CONTROL_BYTES,
  MAX_HEADER_BYTES,
  payloadLength,
  shortLength,
} from "./frame-header.ts";

const FIN_BIT = 0x80;
const OPCODE_MASK = 0x0f;

/** Why a frame may not pass: it breaks the protocol, its message is too large, it is one Ping too many. */
export type Refusal = "protocol" | "size" | "pings";

export class FrameObserver {
  /** Set once, and final: nothing is observed afterwards. */
  refusal: Refusal | null = null;
  /** What was wrong, in words. */
  detail = "";
  /** A whole Close frame has passed: nothing more may (RFC 6455 section 5.5.1). */
  closed = false;
  /** Octets of the payload under way that have not come. */
  payloadLeft = 0;
  /** Frames that have begun, for whoever measures how long one takes. */
  begun = 0;
  /** Pings that may still pass; the caller fills it up. */
  pingBudget = Infinity;
  /** The beginning of a header, held back; complete and accepted when `complete` says so. */
  readonly head: Buffer = Buffer.allocUnsafe(MAX_HEADER_BYTES);
  headLength = 0;
  readonly #maskBit: number;
  readonly #maxMessageBytes: number;
  /** Payload of the message under way, in all frames so far. */
  #messageBytes = 0;
  #isClose = false;

  /** `masked`: the frames come from a client (RFC 6455 section 5.1). */
  constructor(masked: boolean, maxMessageBytes: number) {
    this.#maskBit = masked ? MASK_BIT : 0;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** A frame has begun and is not complete. */
  get insideFrame(): boolean {
    return this.payloadLeft > 0 || this.headLength > 0;
  }

  /** Nothing more will be observed. */
  get finished(): boolean {
    return this.closed || this.refusal !== null;
  }

  /**
   * Goes on with the header that is held back; returns how far it has read. Afterwards `headWhole` tells
   * whether `head[0, headLength)` may go on, which the caller confirms by `headSent`.
   */
  complete(bytes: Buffer, start: number, end: number): number {
    const { head } = this;
    let pos = start;
    while (pos < end && !this.#headFull()) head[this.headLength++] = bytes[pos++] as number;
    if (this.#headFull() && !this.#accept(head, 0)) this.headLength = 0;
    return pos;
  }

  get headWhole(): boolean {
    return this.#headFull();
  }

  headSent(): void {
    this.headLength = 0;
    if (this.payloadLeft === 0) this.#endFrame();
  }

  /** Looks at `bytes[start, end)` and returns up to where they may go on now. What is behind is held back, or must not pass. */
  observe(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    while (!this.finished) {
      const payload = Math.min(this.payloadLeft, end - pos);
      pos += payload;
      if (payload > 0) {
        this.payloadLeft -= payload;
        if (this.payloadLeft === 0) this.#endFrame();
        continue;
      }
      if (pos === end) return pos;
      const length = end - pos < 2 ? MAX_HEADER_BYTES : headerLength(bytes[pos + 1] as number);
      this.begun += 1;
      if (length > end - pos) {
        this.headLength = bytes.copy(this.head, 0, pos, end);
        return pos;
      }
      if (!this.#accept(bytes, pos)) return pos;
      pos += length;
      if (this.payloadLeft === 0) this.#endFrame();
    }
    return pos;
  }

  #headFull(): boolean {
    return this.headLength >= 2 && this.headLength === headerLength(this.head[1] as number);
  }

  #endFrame(): void {
    if (this.#isClose) this.closed = true;
  }

  /** Judges the whole header at `start`. */
  #accept(bytes: Buffer, start: number): boolean {
    const first = bytes[start] as number;
    const second = bytes[start + 1] as number;
    if ((second & MASK_BIT) !== this.#maskBit) {
      return this.#refuse("protocol", this.#maskBit === 0 ? "a masked frame" : "a frame without mask");
    }
    const final = (first & FIN_BIT) !== 0;
    const accepted =
      (first & CONTROL_BIT) === 0
        ? this.#acceptData(payloadLength(bytes, start), final)
        : this.#acceptControl(first & OPCODE_MASK, shortLength(second), final);
    if (accepted) this.payloadLeft = payloadLength(bytes, start);
    return accepted;
  }

  #acceptControl(opcode: number, length: number, final: boolean): boolean {
    if (!final) return this.#refuse("protocol", "a fragmented control frame");
    if (length > MAX_CONTROL_BYTES) return this.#refuse("protocol", "a control frame that is too long");
    if (opcode === Opcode.ping) {
      if (this.pingBudget === 0) return this.#refuse("pings", "too many Pings");
      this.pingBudget -= 1;
    }
    this.#isClose = opcode === Opcode.close;
    return true;
  }

  #acceptData(length: number, final: boolean): boolean {
    if (length === Infinity) return this.#refuse("protocol", "a length of 2^63 or more");
    const message = this.#messageBytes + length;
    if (message > this.#maxMessageBytes) return this.#refuse("size", `a message of ${message} bytes`);
    this.#messageBytes = final ? 0 : message;
    this.#isClose = false;
    return true;
  }

  #refuse(refusal: Refusal, detail: string): boolean {
    this.refusal = refusal;
    this.detail = detail;
    return false;
  }
}
