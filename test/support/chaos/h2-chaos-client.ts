/**
 * A user of the chaos test for HTTP/2: a connection, and several exchanges at a time on it. Checks every octet of
 * every response as it comes in, and resets its stream where the plan says so.
 */
import { type ResponseHead, UNKNOWN_LENGTH } from "../../../src/wire/http/message.ts";
import { requestHead } from "../h2-endpoint.ts";
import { within } from "../wait-for.ts";
import type { ChaosWorld } from "./chaos-backend.ts";
import type { ChaosWires } from "./chaos-wires.ts";
import { answersWhole, clientStays, type ExchangePlan } from "./exchange-plan.ts";
import { ID_FIELD, PATH } from "./h1-wire.ts";
import { ChaosSession, type ChaosStream } from "./h2-session.ts";
import { describePlan, type Outcome } from "./ledger.ts";
import { SlowReader, writePaced } from "./pace.ts";

/** As in HTTP/1: the slowest plan needs a fraction of a second. */
const EXCHANGE_LIMIT_MS = 20_000;

/** Exchanges at a time on a connection; many more with large bodies would only wait for its window. */
const LANES = 6;

/** Request body that the gateway keeps until its backend answers. */
const KEPT_BYTES = 16_384;

/** Answers that the gateway may give by itself in this test. */
const LOCAL_STATUSES: readonly number[] = [502, 503, 504];

export interface H2UserOptions {
  readonly world: ChaosWorld;
  readonly wires: ChaosWires;
  readonly port: number;
  /** Number of the next exchange; -1: there is none. */
  next(): number;
}

/** Runs until there is no exchange left. */
export async function runH2User({ world, wires, port, next }: H2UserOptions): Promise<void> {
  const socket = await wires.connect(port, EXCHANGE_LIMIT_MS);
  const session = new ChaosSession(socket, "client");
  session.onGoAway = (code) => world.ledger.violate(`a connection was ended with code ${code}`);
  const lane = async (): Promise<void> => {
    for (let id = next(); id !== -1; id = next())
      await new StreamExchange(world, world.plan(id)).run(session);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  session.onGoAway = () => {};
  socket.destroy();
}

class StreamExchange {
  readonly #world: ChaosWorld;
  readonly #plan: ExchangePlan;
  /** Reset when so many octets of the response have come. */
  readonly #resetAfterBytes: number;
  readonly #over = Promise.withResolvers<Outcome>();
  #bodyBytes = 0;
  #status = 0;
  #proxied = false;

  constructor(world: ChaosWorld, plan: ExchangePlan) {
    const { clientFate, clientRandom, responseBytes } = plan;
    this.#world = world;
    this.#plan = plan;
    this.#resetAfterBytes = clientFate === "reset-reading" ? clientRandom.below(responseBytes + 1) : Infinity;
  }

  async run(session: ChaosSession): Promise<void> {
    const plan = this.#plan;
    const { method, id, requestBytes, requestFraming } = plan;
    const length = method === "GET" ? 0 : requestFraming === "length" ? requestBytes : UNKNOWN_LENGTH;
    const stream = session.open(requestHead(method, `${PATH}${id}`, length), method === "GET");
    if (stream === null) return this.#world.ledger.violate(`exchange ${id}: no stream can be opened`);
    this.#listen(stream);
    const sent = this.#send(stream);
    const limit = within("the end of a stream", EXCHANGE_LIMIT_MS, this.#over.promise);
    const outcome = await limit.catch(() => "stuck" as const);
    if (outcome === "stuck") stream.reset();
    await sent;
    this.#judge(outcome);
  }

  #listen(stream: ChaosStream): void {
    const slow = new SlowReader(stream, this.#plan.client.readPauses, this.#plan.clientRandom);
    stream.onResponse = (head) => this.#head(stream, head);
    stream.onData = (part) => {
      this.#body(stream, part);
      slow.read();
    };
    stream.onOver = (whole) => this.#over.resolve(!whole ? "cut" : this.#proxied ? "whole" : "local");
  }

  async #send(stream: ChaosStream): Promise<void> {
    const { id, method, requestBytes, requestFraming, clientFate, clientRandom, client } = this.#plan;
    const { pattern, ledger } = this.#world;
    const cut = clientFate === "truncate" || clientFate === "reset-sending";
    const size = cut ? clientRandom.below(Math.max(1, requestBytes)) : requestBytes;
    ledger.requestBytesSent += size;
    // The head says all of a request without a body: by END_STREAM, or by its length.
    const headOnly = method === "GET" || (requestBytes === 0 && requestFraming === "length");
    if (!cut || headOnly) ledger.sentWhole(this.#plan);
    stream.session.flush();
    if (method === "POST") {
      const body = pattern.body(id, "request", requestBytes).subarray(0, size);
      await writePaced(stream, body, client.writePieces, clientRandom);
    }
    if (cut) this.#giveUp(stream);
    else if (method === "POST") stream.end();
  }

  #giveUp(stream: ChaosStream): void {
    this.#over.resolve("self");
    stream.reset();
  }

  #head(stream: ChaosStream, { status, fields }: ResponseHead): void {
    const { ledger } = this.#world;
    const id = fields.toArray().find(([name]) => name === ID_FIELD)?.[1];
    this.#status = status;
    this.#proxied = id !== undefined;
    if (id !== undefined && id !== String(this.#plan.id))
      ledger.violate(`exchange ${this.#plan.id}: the response of ${id}`);
    if (id === undefined && !LOCAL_STATUSES.includes(status))
      ledger.violate(`exchange ${describePlan(this.#plan)}: status ${status}`);
    if (this.#resetAfterBytes === 0) this.#giveUp(stream);
  }

  #body(stream: ChaosStream, part: Buffer): void {
    if (!this.#proxied) return;
    const { ledger, pattern } = this.#world;
    const { id } = this.#plan;
    if (!pattern.fits(id, "response", this.#bodyBytes, part))
      ledger.violate(`exchange ${id}: foreign octets in the response at ${this.#bodyBytes}`);
    this.#bodyBytes += part.length;
    ledger.responseBytesAtClient += part.length;
    if (this.#bodyBytes >= this.#resetAfterBytes) this.#giveUp(stream);
  }

  #judge(outcome: Outcome): void {
    const plan = this.#plan;
    const { ledger } = this.#world;
    ledger.ended(plan, outcome);
    if (outcome === "local") ledger.localAnswer(this.#status);
    if (outcome === "whole" && this.#bodyBytes !== plan.responseBytes)
      ledger.violate(
        `exchange ${describePlan(plan)}: the response looks whole with ${this.#bodyBytes} octets`,
      );
    if (outcome === "whole" && !answersWhole(plan))
      ledger.violate(`exchange ${describePlan(plan)}: a whole response of a backend that gave none`);
    if (outcome === "whole" || outcome === "stuck" || !answersWhole(plan) || !clientStays(plan)) return;
    // Of a body that is given up by GOAWAY only so much is kept to be sent again.
    if (plan.requestBytes > KEPT_BYTES && outcome === "local" && this.#status === 502) return;
    ledger.violate(`exchange ${describePlan(plan)}: ${outcome} ${this.#status}`);
  }
}
