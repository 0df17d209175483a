/**
 * Clients and servers of raw QUIC in a process of `peer-process.ts`: their connections, and the streams and
 * datagrams of those. Nothing is answered unless the leader says so.
 */
import { HOST } from "../../test/support/addresses.ts";
import type { CertificatePaths } from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { PeerProcess } from "./peer-process.ts";
import { type PeerName, rawCommand } from "./peers.ts";
import { RawStream } from "./raw-stream.ts";

const START_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
const SERVER_NAME = "localhost";

export interface RawClose {
  /** By a code of the application, not of the transport. */
  readonly application: boolean;
  readonly code: number;
  readonly reason: string;
}

export interface RawListen {
  readonly port: number;
  /** Octets that the other side may send on a stream before they are read. */
  readonly window: number;
  /** Nothing of any stream is read. */
  readonly hold: boolean;
}

export interface RawServerSpec {
  readonly certificate: CertificatePaths;
  readonly alpn: readonly string[];
  readonly listen: readonly RawListen[];
}

export class RawConnection {
  /** `null`: the handshake is not over. */
  alpn: string | null = null;
  /** Where it came in, on a server. */
  port = 0;
  closed: RawClose | undefined;
  /** That the other side has opened, in order. */
  readonly accepted: RawStream[] = [];
  readonly datagrams: Buffer[] = [];
  onStream: (stream: RawStream) => void = () => {};
  onDatagram: (bytes: Buffer) => void = () => {};
  readonly #peer: RawPeer;
  readonly #number: number;

  constructor(peer: RawPeer, number: number) {
    this.#peer = peer;
    this.#number = number;
  }

  open(bidirectional: boolean): RawStream {
    return this.#peer.open(this.#number, bidirectional);
  }

  sendDatagram(bytes: Buffer): void {
    this.#peer.process.send("M", this.#number, bytes);
  }

  close(code: number, reason: string): void {
    this.#peer.process.sendJson("X", this.#number, { code, reason });
  }
}

export class RawPeer {
  readonly process: PeerProcess;
  readonly name: PeerName;
  /** A server's: told of each connection before anything else of it. */
  onConnection: (connection: RawConnection) => void = () => {};
  readonly #connections = new Map<number, RawConnection>();
  readonly #streams = new Map<number, RawStream>();
  #listening = false;

  static client(scope: CleanupScope, name: PeerName): RawPeer {
    const { file, args } = rawCommand(name, "client", []);
    return new RawPeer(name, PeerProcess.start(scope, file, args));
  }

  static async server(scope: CleanupScope, name: PeerName, spec: RawServerSpec): Promise<RawPeer> {
    const { certificate, alpn, listen } = spec;
    const options = JSON.stringify({ alpn, listen });
    const { certPath, keyPath } = certificate;
    const { file, args } = rawCommand(name, "server", [HOST, certPath, keyPath, options]);
    const peer = new RawPeer(name, PeerProcess.start(scope, file, args));
    const context = (): string => peer.process.said;
    await waitFor(`${name} to listen`, () => peer.#listening, { timeoutMs: START_TIMEOUT_MS, context });
    return peer;
  }

  private constructor(name: PeerName, process: PeerProcess) {
    this.name = name;
    this.process = process;
    process.onOther = (kind, number, payload) => this.#take(kind, number, payload);
  }

  /** A connection whose handshake is over, or that was refused. */
  async connect(port: number, alpn: readonly string[]): Promise<RawConnection> {
    const number = this.process.nextId();
    const connection = this.#connection(number);
    this.process.sendJson("C", number, { host: HOST, port, name: SERVER_NAME, alpn });
    await waitFor("a handshake", () => connection.alpn !== null || connection.closed !== undefined, {
      timeoutMs: CONNECT_TIMEOUT_MS,
      everyMs: 1,
      context: () => this.process.said,
    });
    return connection;
  }

  open(connection: number, bidirectional: boolean): RawStream {
    const number = this.process.nextId();
    this.process.sendJson("O", number, { connection, bidirectional });
    return this.#stream(number);
  }

  /** Nobody hears of these connections any more, nor of their streams. */
  closeAll(): void {
    for (const [, connection] of this.#connections)
      if (connection.closed === undefined) connection.close(0, "");
    this.#connections.clear();
    this.#streams.clear();
  }

  #connection(number: number): RawConnection {
    const connection = new RawConnection(this, number);
    this.#connections.set(number, connection);
    return connection;
  }

  #stream(number: number): RawStream {
    const stream = new RawStream(this.process, number);
    this.#streams.set(number, stream);
    return stream;
  }

  #take(kind: string, number: number, payload: Buffer): void {
    switch (kind) {
      case "l":
        this.#listening = true;
        return;
      case "c":
        this.#connected(number, JSON.parse(payload.toString()) as { alpn: string; port: number });
        return;
      case "o":
        this.#accepted(number, JSON.parse(payload.toString()) as { connection: number; id: number });
        return;
      case "m":
        this.#datagram(number, payload);
        return;
      case "x":
        this.#closed(number, JSON.parse(payload.toString()) as RawClose);
        return;
      default:
        this.#streams.get(number)?.take(kind, payload);
    }
  }

  #connected(number: number, { alpn, port }: { alpn: string; port: number }): void {
    const known = this.#connections.get(number);
    const connection = known ?? this.#connection(number);
    connection.alpn = alpn;
    connection.port = port;
    if (known === undefined) this.onConnection(connection);
  }

  #accepted(number: number, { connection, id }: { connection: number; id: number }): void {
    const stream = this.#stream(number);
    const owner = this.#connections.get(connection);
    stream.id = id;
    owner?.accepted.push(stream);
    owner?.onStream(stream);
  }

  #datagram(number: number, bytes: Buffer): void {
    const connection = this.#connections.get(number);
    connection?.datagrams.push(bytes);
    connection?.onDatagram(bytes);
  }

  #closed(number: number, close: RawClose): void {
    const connection = this.#connections.get(number);
    if (connection !== undefined) connection.closed = close;
  }
}
