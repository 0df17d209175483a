/**
 * A client connection after everything was said (`linger.ts`), whatever was spoken on it. Takes it over
 * from the adapter that has served it, which is through with it then.
 */
import { Timer } from "../../base/timer-wheel.ts";
import type { Connection } from "../../fastpath/transport.ts";
import type { ClientConnection } from "../listener/client-connection.ts";
import type { ListenerSocket } from "../listener/listener-socket.ts";
import type { WorkerContext } from "../worker-context.ts";
import { Linger, LINGER_MS } from "./linger.ts";

export class LingeringConnection implements ClientConnection {
  readonly #context: WorkerContext;
  readonly #connection: Connection;
  readonly #listener: ListenerSocket;
  readonly #timer: Timer;
  readonly #linger: Linger;
  #closed = false;

  /** `saidAll`: the client promised to send nothing more, so that nothing of it has to be awaited. */
  constructor(context: WorkerContext, connection: Connection, listener: ListenerSocket, saidAll: boolean) {
    const { nowMs } = context.clock;
    const stallMs = listener.current.runtime.plan.http.bodyTimeoutMs;
    this.#context = context;
    this.#connection = connection;
    this.#listener = listener;
    this.#linger = new Linger(context.transport, connection, { nowMs, stallMs, saidAll });
    this.#timer = new Timer((firedMs) => this.#onDeadline(firedMs));
    context.wheel.arm(this.#timer, nowMs + LINGER_MS);
  }

  /** Events and accounts of the connection come here from now on. */
  succeed(before: ClientConnection): void {
    this.#listener.succeed(before, this);
    this.#context.transport.handOver(this.#connection, this);
  }

  announceClose(): void {}

  abort(): boolean {
    this.#destroy();
    return false;
  }

  onConnect(): void {}

  onData(_bytes: Buffer, start: number, end: number): void {
    this.#linger.received(end - start);
  }

  onEnd(): void {}

  onDrain(): void {}

  onClose(): void {
    this.#close();
  }

  #onDeadline(nowMs: number): void {
    if (this.#linger.over(nowMs)) this.#destroy();
    else this.#context.wheel.arm(this.#timer, nowMs + LINGER_MS);
  }

  #destroy(): void {
    this.#context.transport.destroy(this.#connection);
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.wheel.remove(this.#timer);
    this.#listener.closed(this);
  }
}
