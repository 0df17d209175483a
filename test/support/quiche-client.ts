/**
 * A client that is not ours, for what an endpoint says before there is a connection, and for what no client of
 * ours would say: quiche, without a socket. Its answers show whether it took our packets for good ones.
 */
import quiche from "@matrixai/quic/native/quiche.js";

const DATAGRAM_BYTES = 1350;
/** Datagrams that one step sends at most. */
const MAX_STEP = 20;
const LOCAL = { host: "127.0.0.1", port: 40_001 };
const REMOTE = { host: "127.0.0.1", port: 443 };

export class QuicheClient {
  readonly #connection: ReturnType<typeof quiche.Connection.connect>;

  constructor(serverName: string | null, protocols: readonly string[]) {
    const config = quiche.Config.withBoringSslCtx(false, true, null, null, null, null);
    config.setApplicationProtos([...protocols]);
    config.setMaxIdleTimeout(5000);
    config.setInitialMaxData(65_536);
    const scid = Buffer.from("0123456789abcdef01234567", "hex");
    this.#connection = quiche.Connection.connect(serverName, scid, LOCAL, REMOTE, config);
  }

  get isEstablished(): boolean {
    return this.#connection.isEstablished();
  }

  get isClosed(): boolean {
    return this.#connection.isClosed();
  }

  /** The datagrams that it sends now. */
  datagrams(): Buffer[] {
    const sent: Buffer[] = [];
    const out = Buffer.alloc(DATAGRAM_BYTES);
    for (let i = 0; i < MAX_STEP; i++) {
      const step = this.#connection.send(out);
      if (step === null) break;
      sent.push(Buffer.from(out.subarray(0, step[0])));
    }
    return sent;
  }

  /** The next datagrams have a PING among them, whatever else there is to say. */
  ping(): void {
    this.#connection.sendAckEliciting();
  }

  /** It decrypts in place, so it gets a copy. */
  receive(datagram: Uint8Array): void {
    this.#connection.recv(Buffer.from(datagram), { from: REMOTE, to: LOCAL });
  }
}
