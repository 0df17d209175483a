/** Connections of HTTP/3 to the gateway, on a peer of `peer-process.ts`. */
import type { CleanupScope } from "../../test/support/gateway.ts";
import { within } from "../../test/support/wait-for.ts";
import { type FieldPairs, H3Stream } from "./h3-stream.ts";
import { PeerProcess } from "./peer-process.ts";
import { clientCommand, type PeerName } from "./peers.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const SERVER_NAME = "localhost";

/** All connections of one run are in one process. */
export class H3Clients {
  readonly name: PeerName;
  readonly #process: PeerProcess;

  constructor(scope: CleanupScope, name: PeerName) {
    this.name = name;
    const { file, args } = clientCommand(name);
    this.#process = PeerProcess.start(scope, file, args);
  }

  /** A connection whose SETTINGS from the gateway are known. */
  async connect(host: string, port: number): Promise<H3Connection> {
    const connection = new H3Connection(this.#process, `${host}:${port}`);
    await connection.open(host, port);
    return connection;
  }
}

export class H3Connection {
  readonly authority: string;
  /** The gateway offers extended CONNECT (RFC 9220). */
  extendedConnect = false;
  /** Code of the end of the connection, and its reason. */
  closed: string | undefined;
  readonly #process: PeerProcess;
  readonly #id: number;
  readonly #streams = new Set<H3Stream>();
  readonly #opened = Promise.withResolvers<void>();

  constructor(process: PeerProcess, authority: string) {
    this.#process = process;
    this.authority = authority;
    this.#id = process.nextId();
    process.listen(this.#id, (kind, payload) => this.#take(kind, payload));
  }

  async open(host: string, port: number): Promise<void> {
    this.#process.sendJson("C", this.#id, { host, port, name: SERVER_NAME });
    try {
      await within("a connection of QUIC", CONNECT_TIMEOUT_MS, this.#opened.promise);
    } catch (error) {
      this.close();
      throw new Error(`${String(error)} ${this.#process.said}`, { cause: error });
    }
  }

  request(headers: FieldPairs, end: boolean): H3Stream {
    const id = this.#process.nextId();
    const stream = new H3Stream(this.#process, id);
    this.#streams.add(stream);
    stream.on("close", () => this.#streams.delete(stream));
    this.#process.sendJson("O", id, { connection: this.#id, headers, end });
    if (end) stream.ended();
    return stream;
  }

  close(): void {
    this.#process.send("X", this.#id);
    this.#process.forget(this.#id);
    this.#drop();
  }

  #take(kind: string, payload: Buffer): void {
    if (kind === "c") {
      this.extendedConnect = (JSON.parse(payload.toString()) as { connect: boolean }).connect;
      this.#opened.resolve();
    } else if (kind === "x") {
      this.closed = payload.toString();
      this.#opened.reject(new Error(`the connection was closed: ${this.closed}`));
      this.#drop();
    }
  }

  #drop(): void {
    for (const stream of this.#streams) stream.lost();
  }
}
