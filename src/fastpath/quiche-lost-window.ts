/**
 * How much of a connection's window quiche 0.18 has lost for good, so that the connection can be given up before
 * its peer waits for ever. `quiche-streams.ts` reports; `quiche-windows.ts` says how much may be lost.
 *
 * The peer gets credit for octets that are read, and for those that come on a stream after it was stopped. It gets none
 * for what lay unread when RESET_STREAM came, nor for what the final size says was sent and never came.
 * Neither number can be asked for, so it is estimated: what came in packets since nothing of the stream
 * was unread, and was not read of any other stream, or what the stream's own window allows if that is less. Octets
 * that were sent, lost, and given up by the reset are not in it, nor those of a stopped stream that lay
 * behind a gap; the limit leaves room for some.
 */

/** What a packet has beside the octets of streams: header, frame, tag. */
const PACKET_BYTES = 40;

/** What comes with the end of a stream: RESET_STREAM, and mostly STOP_SENDING. */
const RESET_BYTES = 24;

/** What is known of a stream that was read, or would have been. */
interface ReadStream {
  /** All that was read. */
  octets: number;
  /** What of the connection was unaccounted for when nothing of the stream was unread. */
  readAt: number;
}

export interface LostWindowLimits {
  /** What a stream may bring before it is read, and at any time. */
  readonly streamStartBytes: number;
  readonly streamWindowBytes: number;
  /** More than this is too much; `Infinity`: nothing is counted. */
  readonly lossLimitBytes: number;
}

export class QuicheLostWindow {
  readonly #limits: LostWindowLimits;
  readonly #counts: boolean;
  /** Of streams that have not ended, or will come next; few more than may be open. */
  readonly #streams = new Map<number, ReadStream>();
  /** Those that were reset in this turn: what came with the reset of others is to be read first. */
  readonly #reset: ReadStream[] = [];
  /** Octets that came and were not read, nor counted as lost. */
  #unaccounted = 0;
  /** The same, when the last turn was over, and when no stream had anything unread. */
  #settled = 0;
  #allReadAt = 0;
  #lost = 0;

  constructor(limits: LostWindowLimits) {
    this.#limits = limits;
    this.#counts = limits.lossLimitBytes !== Infinity;
  }

  /** To be asked when a turn is over: all that is wanted has been read. */
  get exceeded(): boolean {
    for (let stream = this.#reset.pop(); stream !== undefined; stream = this.#reset.pop()) this.#lose(stream);
    this.#settled = this.#unaccounted;
    return this.#lost > this.#limits.lossLimitBytes;
  }

  /** A packet has come. */
  received(octets: number): void {
    this.#unaccounted += Math.max(0, octets - PACKET_BYTES);
  }

  /** No stream has anything unread. */
  allRead(): void {
    this.#allReadAt = this.#unaccounted;
  }

  /** Octets were read of a stream; `all`: and nothing was left. */
  read(id: number, octets: number, all: boolean): void {
    if (!this.#counts) return;
    const readAt = all ? this.#settled : this.#allReadAt;
    const stream = this.#streams.get(id);
    this.#unaccounted -= octets;
    if (stream === undefined) {
      this.#streams.set(id, { octets, readAt });
      return;
    }
    stream.octets += octets;
    if (all) stream.readAt = readAt;
  }

  /** It was reset by the peer. */
  reset(id: number): void {
    if (!this.#counts) return;
    this.#unaccounted -= RESET_BYTES;
    this.#reset.push(this.#streams.get(id) ?? { octets: 0, readAt: this.#allReadAt });
    this.#streams.delete(id);
  }

  /** It has come to its end, or is not read any more. */
  over(id: number): void {
    this.#streams.delete(id);
  }

  #lose({ octets, readAt }: ReadStream): void {
    const { streamStartBytes, streamWindowBytes } = this.#limits;
    // The window is doubled after half of it was read, so it is not more than twice what was read.
    const most = Math.min(streamWindowBytes, Math.max(streamStartBytes, 2 * octets));
    const lost = Math.max(0, Math.min(most, this.#unaccounted - readAt));
    this.#lost += lost;
    this.#unaccounted -= lost;
  }
}
