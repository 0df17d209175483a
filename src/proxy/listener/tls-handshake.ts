/**
 * An accepted connection whose TLS handshake is under way. When that is done, the adapter for what was
 * agreed on takes the connection over; when it fails, or takes too long, the connection ends here and
 * nothing else does. Feature row A2.15.
 */
import { Timer } from "../../base/timer-wheel.ts";
import { TLS_ERROR_PREFIX, type TlsServerContext } from "../../fastpath/tls.ts";
import type { Connection } from "../../fastpath/transport.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { ListenerSocket } from "./listener-socket.ts";
import { type Opening, serveConnection, spokenOver } from "./serve-connection.ts";

export class TlsHandshake implements Opening {
  readonly context: WorkerContext;
  readonly connection: Connection;
  readonly listener: ListenerSocket;
  readonly #timer: Timer;
  #over = false;

  constructor(
    context: WorkerContext,
    connection: Connection,
    listener: ListenerSocket,
    tls: TlsServerContext,
  ) {
    this.context = context;
    this.connection = connection;
    this.listener = listener;
    this.#timer = new Timer(() => this.#timeOut());
    const { handshakeTimeoutMs } = listener.current.generation.plan.runtime;
    context.wheel.arm(this.#timer, context.clock.nowMs + handshakeTimeoutMs);
    context.transport.secure(connection, tls);
  }

  /** The adapter will hear of it: whoever takes the trouble of a handshake is about to ask for something. */
  announceClose(): void {}

  abort(): boolean {
    this.context.transport.destroy(this.connection);
    this.#end();
    return false;
  }

  onConnect(): void {
    const { counters } = this.context;
    (counters[GLOBAL_SLOTS.tls_handshakes_total] as number) += 1;
    if (this.connection.tls?.resumed === true) (counters[GLOBAL_SLOTS.tls_resumptions_total] as number) += 1;
    serveConnection(this, spokenOver(this));
    this.#end();
  }

  onData(): void {}

  onEnd(): void {}

  onDrain(): void {}

  onClose(error: string): void {
    if (this.#over) return;
    // One that leaves in order before it has said anything has not begun a handshake.
    if (error !== "") {
      (this.context.counters[GLOBAL_SLOTS.tls_handshake_failures_total] as number) += 1;
      this.#tell(error);
    }
    this.#end();
  }

  #timeOut(): void {
    (this.context.counters[GLOBAL_SLOTS.tls_handshake_timeouts_total] as number) += 1;
    this.#tell("it took longer than handshake_timeout_ms");
    this.context.transport.reset(this.connection);
    this.#end();
  }

  /** Anybody can make handshakes fail: nothing that the client wrote is in the line, and it is no louder than `info`. */
  #tell(error: string): void {
    const byTls = error.startsWith(TLS_ERROR_PREFIX);
    const reason = byTls ? error.slice(TLS_ERROR_PREFIX.length) : error;
    const listener = this.listener.current.runtime.plan.name;
    this.context.log[byTls ? "info" : "debug"](
      { listener, client_ip: this.connection.remoteAddress, reason },
      "a TLS handshake with a client failed",
    );
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.context.wheel.remove(this.#timer);
    this.listener.closed(this);
  }
}
