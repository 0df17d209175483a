/** A relayed stream: an ID on the end that its peer has opened it on, an ID on the other, and a flow each way. */
import { UNIDIRECTIONAL } from "../quic/stream-table.ts";
import { type FlowSource, QuicRelayFlow } from "./quic-relay-flow.ts";

export class QuicRelayStream {
  readonly bidirectional: boolean;
  readonly opener: FlowSource;
  /** On the opener's connection, and on the other; -1: not opened there yet. */
  readonly openerId: number;
  otherId = -1;
  readonly #forth: QuicRelayFlow;
  readonly #back: QuicRelayFlow | null;

  constructor(opener: FlowSource, openerId: number, other: FlowSource) {
    this.bidirectional = (openerId & UNIDIRECTIONAL) === 0;
    this.opener = opener;
    this.openerId = openerId;
    this.#forth = QuicRelayFlow.forth(opener, openerId, other);
    this.#back = this.bidirectional ? QuicRelayFlow.back(other, opener, openerId) : null;
  }

  get over(): boolean {
    return this.#forth.over && (this.#back === null || this.#back.over);
  }

  /** `null`: nothing comes from there on this stream. */
  flowFrom(end: FlowSource): QuicRelayFlow | null {
    return end === this.opener ? this.#forth : this.#back;
  }

  flowTo(end: FlowSource): QuicRelayFlow | null {
    return end === this.opener ? this.#back : this.#forth;
  }

  opened(id: number): void {
    this.otherId = id;
    this.#back?.sourceOpened(id);
    this.#forth.targetOpened(id);
  }

  abandon(): void {
    this.#forth.abandon();
    this.#back?.abandon();
  }
}
