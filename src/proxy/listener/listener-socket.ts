/**
 * One listening address of this worker: it admits connections within the limits, finds out what they
 * speak, keeps them together, and holds what they need of the current generation. A reload that keeps the
 * address only swaps `current`; the socket and its connections stay.
 */
import type { Connection, ConnectionOwner, Listener, ListenOwner } from "../../fastpath/transport.ts";
import { H2Scratch } from "../../wire/h2/h2-scratch.ts";
import { RequestHead } from "../../wire/http/message.ts";
import { StreamPool } from "../downstream/stream-pool.ts";
import type { Generation, ListenerRuntime } from "../generation.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import { ACCEPT_ERROR_KINDS } from "../plan.ts";
import { RouteRequest } from "../router/route-input.ts";
import type { WorkerContext } from "../worker-context.ts";
import { type Admission, admit, giveBack, tellShed } from "./admission.ts";
import { CleartextOpening } from "./cleartext-opening.ts";
import type { ClientConnection } from "./client-connection.ts";
import { DRAIN_GRACE_MS } from "./drain-grace.ts";
import { type ListenerCurrent, listenerCurrent } from "./listener-current.ts";
import { servesRequests } from "./serves-requests.ts";
import { ShedConnection } from "./shed-connection.ts";
import { TlsHandshake } from "./tls-handshake.ts";
import type { WorkerListener } from "./worker-listener.ts";

/** Connections that are being told of the overload at one time; the rest are reset. */
const MAX_SHEDDING = 256;

export class ListenerSocket implements ListenOwner, WorkerListener {
  /** What the router looks at; used anew for each request. */
  readonly view = new RouteRequest(new RequestHead());
  /** For the requests of its HTTP/2 connections. */
  readonly streams: StreamPool;
  readonly scratch = new H2Scratch();
  current: ListenerCurrent;
  readonly #context: WorkerContext;
  readonly #listener: Listener;
  readonly #connections = new Map<ClientConnection, Admission>();
  #shedding = 0;
  #draining = false;

  constructor(context: WorkerContext, listener: Listener, generation: Generation, runtime: ListenerRuntime) {
    this.#context = context;
    this.#listener = listener;
    this.streams = new StreamPool(context);
    this.current = listenerCurrent(generation, runtime);
  }

  get port(): number {
    return this.#listener.port;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  /** The generation is live: connections are taken from now on. */
  accept(): void {
    this.#listener.accept(this);
  }

  /** Where requests have become bytes, or bytes requests, those who came for the one leave as in a drain. */
  adopt(generation: Generation, runtime: ListenerRuntime): void {
    const before = servesRequests(this.current.runtime.plan);
    this.current = listenerCurrent(generation, runtime);
    if (servesRequests(runtime.plan) === before) return;
    for (const connection of this.#connections.keys()) connection.announceClose(DRAIN_GRACE_MS);
  }

  /** Takes no more connections; those that there are end after the request under way. */
  async drain(): Promise<void> {
    await this.#listener.close();
    const { drainJitterMs } = this.current.runtime.plan;
    this.#draining = true;
    for (const connection of this.#connections.keys()) {
      // Clients that all reconnect at once would only move the load in a lump.
      connection.announceClose(DRAIN_GRACE_MS + this.#context.chance() * drainJitterMs);
    }
  }

  /** A drain has closed the socket. */
  resume(): boolean {
    return false;
  }

  /** Cuts every connection; returns how many had an exchange under way. */
  abort(): number {
    let cut = 0;
    for (const connection of this.#connections.keys()) if (connection.abort()) cut += 1;
    return cut;
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  onAccept(connection: Connection, scarce: boolean): ConnectionOwner | null {
    (this.#context.counters[GLOBAL_SLOTS.connections_total] as number) += 1;
    if (scarce) {
      this.onAcceptError("EMFILE");
      return this.#shed(connection);
    }
    const admission = admit(this.#context, this.current, connection.remoteAddress);
    if (admission === "address_cap") return null;
    if (admission === "over_capacity") return this.#shed(connection);
    const { tls } = this.current.runtime;
    const owner =
      tls === null
        ? new CleartextOpening(this.#context, connection, this)
        : new TlsHandshake(this.#context, connection, this, tls);
    this.#connections.set(owner, admission);
    return owner;
  }

  onAcceptError(code: string): void {
    const kind = ACCEPT_ERROR_KINDS.indexOf(code.toLowerCase() as (typeof ACCEPT_ERROR_KINDS)[number]);
    const slot = kind === -1 ? ACCEPT_ERROR_KINDS.length - 1 : kind;
    (this.#context.counters[this.current.runtime.plan.metrics.acceptErrors + slot] as number) += 1;
    this.#context.log.warn(
      { listener: this.current.runtime.plan.name, code },
      "a connection could not be accepted",
    );
  }

  /** Another serves the connection from now on: what it speaks is known. */
  succeed(before: ClientConnection, after: ClientConnection): void {
    const admission = this.#connections.get(before);
    if (admission === undefined) return;
    this.#connections.delete(before);
    this.#connections.set(after, admission);
    // Who relays bytes does not care; who serves requests has come too late for them.
    const leaving = this.#draining || !servesRequests(this.current.runtime.plan);
    if (leaving) after.announceClose(DRAIN_GRACE_MS);
  }

  /** A connection that `onAccept` admitted is gone. */
  closed(owner: ClientConnection): void {
    const admission = this.#connections.get(owner);
    if (admission === undefined) return;
    this.#connections.delete(owner);
    giveBack(this.#context, admission);
  }

  /** Over capacity: a short 503 for as many as can be told, RST for the rest, and for whoever would need a handshake first. Feature row A2.11. */
  #shed(connection: Connection): ConnectionOwner | null {
    tellShed(this.#context, this.current);
    if (this.current.runtime.plan.protocol !== "h1" || this.#shedding >= MAX_SHEDDING) return null;
    this.#shedding += 1;
    return new ShedConnection(this.#context, connection, () => {
      this.#shedding -= 1;
    });
  }
}
