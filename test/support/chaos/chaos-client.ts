/**
 * One user of the chaos test: runs exchange after exchange, on one connection as long as that lasts,
 * checks every byte of every response as it comes in, and goes away where the plan says so.
 */
import type { Socket } from "node:net";
import { pause, within } from "../wait-for.ts";
import type { ChaosWorld } from "./chaos-backend.ts";
import type { ChaosWires } from "./chaos-wires.ts";
import { answersWhole, clientStays, type ExchangePlan } from "./exchange-plan.ts";
import { ID_FIELD, requestWire } from "./h1-wire.ts";
import { describePlan, type Outcome } from "./ledger.ts";
import { type MessageHandler, MessageReader } from "./message-reader.ts";
import { SlowReader, writePaced } from "./pace.ts";

/** An exchange that takes longer hangs: the slowest plan needs a fraction of a second. */
const EXCHANGE_LIMIT_MS = 20_000;

/** Bytes of a head, about: a reset while reading strikes somewhere in head or body. */
const HEAD_BYTES = 150;

/** Answers that the gateway may give by itself in this test. */
const LOCAL_STATUSES: readonly number[] = [400, 408, 502, 503, 504];

export interface UserOptions {
  readonly world: ChaosWorld;
  readonly wires: ChaosWires;
  readonly port: number;
  /** Number of the next exchange; -1: there is none. */
  next(): number;
}

/** Runs until there is no exchange left. */
export async function runUser({ world, wires, port, next }: UserOptions): Promise<void> {
  let connection: ClientConnection | null = null;
  for (let id = next(); id !== -1; id = next()) {
    connection ??= await ClientConnection.open(world, wires, port);
    const outcome = await connection.exchange(world.plan(id));
    if (outcome === "kept") continue;
    connection.socket.destroy();
    connection = null;
  }
  connection?.socket.destroy();
}

class ClientConnection implements MessageHandler {
  readonly socket: Socket;
  readonly #world: ChaosWorld;
  readonly #wires: ChaosWires;
  readonly #reader = new MessageReader(this);
  #exchange: ClientExchange | null = null;
  /** What the connection served before, for messages. */
  #before = "nothing";

  static async open(world: ChaosWorld, wires: ChaosWires, port: number): Promise<ClientConnection> {
    return new ClientConnection(world, wires, await wires.connect(port, EXCHANGE_LIMIT_MS));
  }

  private constructor(world: ChaosWorld, wires: ChaosWires, socket: Socket) {
    this.#world = world;
    this.#wires = wires;
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      if (this.#exchange?.goesOn(bytes.length) !== false) this.#reader.feed(bytes);
    });
    socket.on("end", () => this.#exchange?.connectionEnded("fin", this.#reader.untilClose));
    socket.on("error", () => {});
    socket.on("close", (hadError: boolean) =>
      this.#exchange?.connectionEnded(hadError ? "reset" : "fin", false),
    );
  }

  /** `kept`: the connection takes another exchange. */
  async exchange(plan: ExchangePlan): Promise<"kept" | "over"> {
    const exchange = new ClientExchange(this.#world, plan, {
      socket: this.socket,
      reset: () => this.#wires.reset(this.socket),
      before: this.#before,
    });
    this.#exchange = exchange;
    const over = await exchange.run();
    this.#exchange = null;
    this.#before = describePlan(plan);
    return over ? "over" : "kept";
  }

  onHead(startLine: string, fields: ReadonlyMap<string, string>): "close" {
    if (this.#exchange === null) this.#world.ledger.violate(`a response that nobody asked for: ${startLine}`);
    this.#exchange?.head(startLine, fields);
    return "close";
  }

  onBody(bytes: Buffer): void {
    this.#exchange?.body(bytes);
  }

  onEnd(): void {
    this.#exchange?.responseEnded();
  }

  onGarbage(reason: string): void {
    this.#world.ledger.violate(`a client got what is no response: ${reason}`);
    this.socket.destroy();
  }
}

/** The connection of an exchange, how it is reset, and what it served before. */
interface ExchangePlace {
  readonly socket: Socket;
  reset(): void;
  readonly before: string;
}

class ClientExchange {
  readonly #world: ChaosWorld;
  readonly #plan: ExchangePlan;
  readonly #socket: Socket;
  readonly #slow: SlowReader;
  readonly #reset: () => void;
  readonly #before: string;
  readonly #response = Promise.withResolvers<Outcome>();
  readonly #closed = Promise.withResolvers<void>();
  /** Reset when so many bytes of the response have come. */
  readonly #resetAfterBytes: number;
  #receivedBytes = 0;
  #bodyBytes = 0;
  /** 0: no head yet. */
  #status = 0;
  #proxied = false;
  #announcedClose = false;

  constructor(world: ChaosWorld, plan: ExchangePlan, { socket, reset, before }: ExchangePlace) {
    const { clientRandom: random, clientFate, client, responseBytes } = plan;
    this.#world = world;
    this.#plan = plan;
    this.#socket = socket;
    this.#reset = reset;
    this.#before = before;
    this.#slow = new SlowReader(socket, client.readPauses, random);
    this.#resetAfterBytes =
      clientFate === "reset-reading" ? 1 + random.below(HEAD_BYTES + responseBytes) : Infinity;
  }

  /** True when the connection is not to be used again. */
  async run(): Promise<boolean> {
    const { ledger } = this.#world;
    const timer = setTimeout(() => this.#response.resolve("stuck"), EXCHANGE_LIMIT_MS);
    const sending = this.#send();
    const outcome = await this.#response.promise;
    clearTimeout(timer);
    this.#judge(outcome);
    ledger.ended(this.#plan, outcome);
    if (outcome === "stuck" || outcome === "self") return true;
    await sending;
    return await this.#part(outcome);
  }

  async #send(): Promise<void> {
    const { clientFate, clientRandom, client } = this.#plan;
    const { pattern, ledger } = this.#world;
    const { bytes, headBytes } = requestWire(this.#plan, pattern);
    const size = this.#bytesToSend(bytes.length);
    ledger.requestBytesSent += Math.max(0, size - headBytes);
    if (size === bytes.length) ledger.sentWhole(this.#plan);
    await writePaced(this.#socket, bytes.subarray(0, size), client.writePieces, clientRandom);
    if (clientFate === "half-close" || clientFate === "truncate") this.#socket.end();
    if (clientFate !== "reset-sending") return;
    await pause(clientRandom.below(4));
    this.#giveUp();
  }

  #bytesToSend(all: number): number {
    const { clientFate, clientRandom } = this.#plan;
    if (clientFate === "truncate") return 1 + clientRandom.below(all - 1);
    return clientFate === "reset-sending" ? clientRandom.below(all + 1) : all;
  }

  /** So many bytes have come; false: the client has had enough. */
  goesOn(bytes: number): boolean {
    this.#receivedBytes += bytes;
    const enough = this.#receivedBytes >= this.#resetAfterBytes;
    if (enough) this.#giveUp();
    else this.#slow.read();
    return !enough;
  }

  #giveUp(): void {
    this.#response.resolve("self");
    this.#reset();
  }

  head(startLine: string, fields: ReadonlyMap<string, string>): void {
    const { ledger } = this.#world;
    if (this.#status !== 0) ledger.violate(`exchange ${this.#plan.id}: two responses`);
    this.#status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(startLine)?.[1] ?? NaN);
    this.#announcedClose = fields.get("connection")?.toLowerCase() === "close";
    const id = fields.get(ID_FIELD);
    this.#proxied = id !== undefined;
    if (id !== undefined && id !== String(this.#plan.id))
      ledger.violate(`exchange ${this.#plan.id}: the response of ${id}`);
    if (id === undefined && !LOCAL_STATUSES.includes(this.#status))
      ledger.violate(`exchange ${describePlan(this.#plan)}: ${startLine}`);
  }

  body(bytes: Buffer): void {
    if (!this.#proxied) return;
    const { ledger, pattern } = this.#world;
    const { id } = this.#plan;
    if (!pattern.fits(id, "response", this.#bodyBytes, bytes))
      ledger.violate(`exchange ${id}: foreign bytes in the response at ${this.#bodyBytes}`);
    this.#bodyBytes += bytes.length;
    ledger.responseBytesAtClient += bytes.length;
  }

  responseEnded(): void {
    const { ledger } = this.#world;
    const { id, responseBytes } = this.#plan;
    if (!this.#proxied) ledger.localAnswer(this.#status);
    else if (this.#bodyBytes !== responseBytes)
      ledger.violate(
        `exchange ${id}: the response looks whole with ${this.#bodyBytes} of ${responseBytes} bytes`,
      );
    this.#response.resolve(this.#proxied ? "whole" : "local");
  }

  connectionEnded(how: "fin" | "reset", bodyEnds: boolean): void {
    if (how === "fin" && bodyEnds) this.responseEnded();
    this.#response.resolve("cut");
    this.#closed.resolve();
  }

  #judge(outcome: Outcome): void {
    const plan = this.#plan;
    const { ledger } = this.#world;
    if (outcome === "whole" && !answersWhole(plan))
      ledger.violate(`exchange ${describePlan(plan)}: a whole response of a backend that gave none`);
    if (outcome === "whole" || !answersWhole(plan) || !clientStays(plan)) return;
    // A request with a body cannot be sent again when it has met a connection that was closing.
    if (plan.method === "POST" && outcome === "local" && this.#status === 502) ledger.metClosing++;
    else
      ledger.violate(
        `exchange ${describePlan(plan)}: ${outcome} ${this.#status}; before on this connection: ${this.#before}`,
      );
  }

  /** Ends the connection as the plan, or the gateway, wants it. True when it is over. */
  async #part(outcome: Outcome): Promise<boolean> {
    const { clientFate } = this.#plan;
    if (clientFate === "leave") this.#socket.end();
    const keeps = clientFate === "finish" || clientFate === "reset-reading";
    if (keeps && outcome !== "cut" && !this.#announcedClose) return false;
    const what = `the gateway to close after exchange ${describePlan(this.#plan)}: ${outcome} ${this.#status}`;
    await within(what, EXCHANGE_LIMIT_MS, this.#closed.promise).catch((error: unknown) =>
      this.#world.ledger.violate(String(error)),
    );
    return true;
  }
}
