/** A connection over the listener's capacity: it is told so and closed, without reading what it wants. */
import { FAULTS } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Connection, ConnectionOwner } from "../../fastpath/transport.ts";
import { LINGER_MS } from "../downstream/linger.ts";
import type { WorkerContext } from "../worker-context.ts";

const BODY = FAULTS.over_capacity.text;
const RESPONSE = Buffer.from(
  `HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: ${BODY.length}\r\nretry-after: 1\r\nconnection: close\r\n\r\n${BODY}`,
  "latin1",
);

export class ShedConnection implements ConnectionOwner {
  readonly #context: WorkerContext;
  readonly #connection: Connection;
  readonly #timer: Timer;
  readonly #onGone: () => void;
  #said = false;
  #gone = false;

  constructor(context: WorkerContext, connection: Connection, onGone: () => void) {
    this.#context = context;
    this.#connection = connection;
    this.#onGone = onGone;
    this.#timer = new Timer(() => context.transport.destroy(connection));
    context.wheel.arm(this.#timer, context.clock.nowMs + LINGER_MS);
  }

  onConnect(): void {}

  /** The answer waits for the first bytes, so that a client is not surprised before it has asked. */
  onData(): void {
    if (this.#said) return;
    this.#said = true;
    const { transport } = this.#context;
    transport.sendFrom(this.#connection, RESPONSE, 0, RESPONSE.length);
    transport.end(this.#connection);
  }

  onEnd(): void {
    this.#context.transport.destroy(this.#connection);
  }

  onDrain(): void {}

  onClose(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#context.wheel.remove(this.#timer);
    this.#onGone();
  }
}
