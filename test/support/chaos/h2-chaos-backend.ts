/**
 * The backend of the chaos test for HTTP/2: checks every octet of every request as it comes in, and answers,
 * resets the stream or leaves as the exchange's plan says. What would be the end of a connection in HTTP/1 is that
 * of a stream here, or a connection that is closed behind its last stream, as others share it.
 */
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import type { RequestHead } from "../../../src/wire/http/message.ts";
import { UNKNOWN_LENGTH } from "../../../src/wire/http/message.ts";
import { freePort, HOST } from "../addresses.ts";
import { responseHead } from "../h2-endpoint.ts";
import type { ChaosWorld } from "./chaos-backend.ts";
import type { ChaosWires } from "./chaos-wires.ts";
import { answersWhole, type ExchangePlan } from "./exchange-plan.ts";
import { ID_FIELD, PATH } from "./h1-wire.ts";
import { ChaosSession, type ChaosStream } from "./h2-session.ts";
import { SlowReader, writePaced } from "./pace.ts";

export class H2ChaosBackend {
  readonly address: string;
  readonly #server: Server;
  readonly #sockets = new Map<Socket, ChaosSession>();

  static async start(world: ChaosWorld, wires: ChaosWires): Promise<H2ChaosBackend> {
    const port = await freePort();
    const backend = new H2ChaosBackend(world, wires, port);
    backend.#server.listen({ port, host: HOST, backlog: 4096 });
    await once(backend.#server, "listening");
    return backend;
  }

  private constructor(world: ChaosWorld, wires: ChaosWires, port: number) {
    this.address = `${HOST}:${port}`;
    this.#server = wires.serve((socket) => {
      const session = new ChaosSession(socket, "server");
      this.#sockets.set(socket, session);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("end", () => socket.end());
      session.onStream = (stream) => new BackendStream(world, stream).listen();
    });
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** GOAWAY on every session. */
  endConnections(): void {
    for (const session of this.#sockets.values()) session.leave();
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets.keys()) socket.destroy();
    await closed;
  }
}

class BackendStream {
  readonly #world: ChaosWorld;
  readonly #stream: ChaosStream;
  #bodyBytes = 0;

  constructor(world: ChaosWorld, stream: ChaosStream) {
    this.#world = world;
    this.#stream = stream;
  }

  listen(): void {
    this.#stream.onRequest = (head) => this.#begin(head);
  }

  #begin(head: RequestHead): void {
    const { ledger } = this.#world;
    const id = head.path.startsWith(PATH) ? Number(head.path.slice(PATH.length)) : -1;
    if (id < 0 || id >= ledger.begun) {
      ledger.violate(`a backend got a request of nobody: ${head.path}`);
      return this.#stream.reset();
    }
    const plan = this.#world.plan(id);
    ledger.arrived(plan);
    if (plan.backendFate === "reset-at-head") return this.#stream.reset();
    const slow = new SlowReader(this.#stream, plan.backend.readPauses, plan.backendRandom);
    this.#stream.onData = (part) => {
      this.#take(id, part);
      slow.read();
    };
    this.#stream.onEnd = () => this.#requestEnded(plan);
    if (plan.backendFate === "early") void this.#answer(plan);
  }

  #take(id: number, part: Buffer): void {
    const { ledger, pattern } = this.#world;
    if (!pattern.fits(id, "request", this.#bodyBytes, part))
      ledger.violate(`exchange ${id}: foreign octets in the request at ${this.#bodyBytes}`);
    this.#bodyBytes += part.length;
    ledger.requestBytesAtBackend += part.length;
  }

  #requestEnded(plan: ExchangePlan): void {
    this.#world.ledger.requestWhole(plan, this.#bodyBytes);
    if (plan.backendFate === "reset-unanswered") this.#stream.reset();
    else if (plan.backendFate !== "early") void this.#answer(plan);
  }

  async #answer(plan: ExchangePlan): Promise<void> {
    const { ledger, pattern } = this.#world;
    const { id, responseBytes, responseFraming, backendFate, backendRandom, backend } = plan;
    const stream = this.#stream;
    const head = responseHead(200, responseFraming === "length" ? responseBytes : UNKNOWN_LENGTH, [
      [ID_FIELD, String(id)],
    ]);
    stream.session.connection.sendHead(stream.stream, head, false);
    const body = pattern.body(id, "response", responseBytes);
    const size = answersWhole(plan) ? responseBytes : backendRandom.below(responseBytes);
    ledger.responseBytesSent += size;
    await writePaced(stream, body.subarray(0, size), backend.writePieces, backendRandom);
    if (!answersWhole(plan)) return stream.reset();
    stream.end();
    // Without GOAWAY, what became of the other requests on the connection would be anybody's guess.
    if (backendFate === "close" || backendFate === "silent-close") stream.session.leave();
  }
}
