/**
 * The backend of the chaos test: checks every byte of every request as it comes in, and answers or
 * breaks off as the exchange's plan says.
 */
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import { freePort, HOST } from "../addresses.ts";
import { pause } from "../wait-for.ts";
import type { ChaosWires } from "./chaos-wires.ts";
import { answersWhole, type ExchangePlan } from "./exchange-plan.ts";
import { idOfRequestLine, responseWire } from "./h1-wire.ts";
import type { Ledger } from "./ledger.ts";
import { type MessageHandler, MessageReader } from "./message-reader.ts";
import { SlowReader, writePaced } from "./pace.ts";
import type { Pattern } from "./pattern.ts";

export interface ChaosWorld {
  readonly pattern: Pattern;
  readonly ledger: Ledger;
  plan(id: number): ExchangePlan;
}

/** What was written before a reset shall have a chance to arrive. */
const BEFORE_RESET_MS = 2;

export class ChaosBackend {
  readonly address: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(world: ChaosWorld, wires: ChaosWires): Promise<ChaosBackend> {
    const port = await freePort();
    const backend = new ChaosBackend(world, wires, port);
    backend.#server.listen({ port, host: HOST, backlog: 4096 });
    await once(backend.#server, "listening");
    return backend;
  }

  private constructor(world: ChaosWorld, wires: ChaosWires, port: number) {
    this.address = `${HOST}:${port}`;
    this.#server = wires.serve((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      new BackendConnection(world, wires, socket).listen();
    });
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** FIN on every connection. */
  endConnections(): void {
    for (const socket of this.#sockets) socket.end();
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

class BackendConnection implements MessageHandler {
  readonly #world: ChaosWorld;
  readonly #wires: ChaosWires;
  readonly #socket: Socket;
  readonly #reader = new MessageReader(this);
  #plan: ExchangePlan | undefined;
  #slow: SlowReader | undefined;
  #bodyBytes = 0;
  #answered = false;
  /** FIN is sent, or is about to be: what comes now has met a connection that was closing. */
  #over = false;

  constructor(world: ChaosWorld, wires: ChaosWires, socket: Socket) {
    this.#world = world;
    this.#wires = wires;
    this.#socket = socket;
  }

  listen(): void {
    this.#socket.on("data", (bytes: Buffer) => {
      if (this.#over) return;
      this.#reader.feed(bytes);
      this.#slow?.read();
    });
    this.#socket.on("end", () => this.#socket.end());
    this.#socket.on("error", () => {});
  }

  onHead(startLine: string): "none" {
    const { ledger } = this.#world;
    const id = idOfRequestLine(startLine);
    if (id < 0 || id >= ledger.begun) {
      ledger.violate(`a backend got a request of nobody: ${startLine}`);
      this.#socket.destroy();
      return "none";
    }
    if (this.#plan !== undefined) ledger.violate(`exchange ${id} came before the end of ${this.#plan.id}`);
    const plan = this.#world.plan(id);
    this.#plan = plan;
    this.#bodyBytes = 0;
    this.#answered = false;
    this.#slow = new SlowReader(this.#socket, plan.backend.readPauses, plan.backendRandom);
    ledger.arrived(plan);
    if (plan.backendFate === "reset-at-head") this.#wires.reset(this.#socket);
    if (plan.backendFate === "early") void this.#answer(plan);
    return "none";
  }

  onBody(bytes: Buffer): void {
    const { ledger, pattern } = this.#world;
    const id = this.#plan?.id ?? -1;
    if (!pattern.fits(id, "request", this.#bodyBytes, bytes))
      ledger.violate(`exchange ${id}: foreign bytes in the request at ${this.#bodyBytes}`);
    this.#bodyBytes += bytes.length;
    ledger.requestBytesAtBackend += bytes.length;
  }

  onEnd(): void {
    const plan = this.#plan;
    if (plan === undefined || this.#socket.destroyed) return;
    this.#world.ledger.requestWhole(plan, this.#bodyBytes);
    if (plan.backendFate === "reset-unanswered") this.#wires.reset(this.#socket);
    else if (plan.backendFate === "early") this.#finish();
    else void this.#answer(plan);
  }

  onGarbage(reason: string): void {
    this.#world.ledger.violate(`a backend got what is no request: ${reason}`);
    this.#socket.destroy();
  }

  async #answer(plan: ExchangePlan): Promise<void> {
    const { ledger, pattern } = this.#world;
    const { backendFate, backendRandom, backend } = plan;
    const { bytes, headBytes } = responseWire(plan, pattern);
    const sent = answersWhole(plan) ? bytes : bytes.subarray(0, backendRandom.below(bytes.length));
    ledger.responseBytesSent += Math.max(0, sent.length - headBytes);
    this.#over = sent.length < bytes.length;
    await writePaced(this.#socket, sent, backend.writePieces, backendRandom);
    this.#answered = true;
    if (backendFate === "answer" || backendFate === "early") return this.#finish();
    this.#over = true;
    if (backendFate === "silent-close") ledger.silentCloses++;
    if (backendFate !== "reset-answering") return void this.#socket.end();
    await pause(BEFORE_RESET_MS);
    this.#wires.reset(this.#socket);
  }

  /** Ready for the next exchange, when the request has come and the answer has gone. */
  #finish(): void {
    if (this.#answered && this.#reader.between) this.#plan = undefined;
  }
}
