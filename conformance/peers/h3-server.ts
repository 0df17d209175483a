/** A server of HTTP/3 on a peer of `peer-process.ts`: it gives each request stream to its owner. */
import type { CertificatePaths } from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { within } from "../../test/support/wait-for.ts";
import { type FieldPairs, H3Stream, type HeadEvent } from "./h3-stream.ts";
import { PeerProcess } from "./peer-process.ts";
import { type PeerName, serverCommand } from "./peers.ts";

const START_TIMEOUT_MS = 10_000;

/** By this id a server says that it listens. */
const SERVER_ID = 0;

export interface Asked {
  readonly headers: FieldPairs;
  /** Nothing comes behind the head. */
  readonly end: boolean;
  readonly connection: number;
}

export interface ServerSpec {
  readonly host: string;
  readonly port: number;
  readonly certificate: CertificatePaths;
}

export class H3Server {
  /** Connections that there ever were. */
  connections = 0;
  onRequest: (stream: ServedStream, asked: Asked) => void = () => {};
  readonly #process: PeerProcess;
  readonly #streams = new Map<number, Set<H3Stream>>();
  readonly #listening = Promise.withResolvers<void>();

  static async start(scope: CleanupScope, name: PeerName, spec: ServerSpec): Promise<H3Server> {
    const { certPath, keyPath } = spec.certificate;
    const { file, args } = serverCommand(name, [spec.host, String(spec.port), certPath, keyPath]);
    const server = new H3Server(PeerProcess.start(scope, file, args));
    try {
      await within(`${name} to listen`, START_TIMEOUT_MS, server.#listening.promise);
    } catch (error) {
      throw new Error(`${String(error)} ${server.#process.said}`, { cause: error });
    }
    return server;
  }

  private constructor(process: PeerProcess) {
    this.#process = process;
    process.onOther = (kind, id, payload) => this.#take(kind, id, payload);
  }

  /** Ends a connection, with H3_NO_ERROR. */
  close(connection: number): void {
    this.#process.send("X", connection);
    this.#drop(connection);
  }

  #take(kind: string, id: number, payload: Buffer): void {
    switch (kind) {
      case "c":
        if (id === SERVER_ID) this.#listening.resolve();
        else this.connections += 1;
        return;
      case "x":
        this.#drop(id);
        return;
      case "o":
        this.#open(id, JSON.parse(payload.toString()) as HeadEvent & { connection: number });
    }
  }

  #open(id: number, asked: Asked): void {
    const { connection, end } = asked;
    const stream = new ServedStream(this.#process, id, () => this.close(connection));
    const streams = this.#streams.get(connection) ?? new Set();
    this.#streams.set(connection, streams.add(stream));
    stream.on("close", () => streams.delete(stream));
    this.onRequest(stream, asked);
    if (end) stream.endCame();
  }

  #drop(connection: number): void {
    for (const stream of this.#streams.get(connection) ?? []) stream.lost();
    this.#streams.delete(connection);
  }
}

/** A stream whose answer is ours. */
export class ServedStream extends H3Stream {
  readonly #closeConnection: () => void;

  constructor(process: PeerProcess, id: number, closeConnection: () => void) {
    super(process, id);
    this.#closeConnection = closeConnection;
  }

  closeConnection(): void {
    this.#closeConnection();
  }

  /** Who asked does not want the answer: nothing of it is left to do. */
  protected override stopped(code: number): void {
    super.stopped(code);
    this.rstCode ||= code;
    this.destroy();
  }
}
