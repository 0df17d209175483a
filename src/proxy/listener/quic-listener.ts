/**
 * One UDP address of this worker on which QUIC is spoken, as `ListenerSocket` is one for TCP: it chooses
 * certificates, admits connections within the limits, and has HTTP/3 or a relay serve them. A reload that
 * keeps the address swaps what new connections are told; the socket and its connections stay.
 *
 * A socket that fails (an interface is gone) takes its connections with it, and is bound again.
 */
import { assert } from "../../base/assert.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { QuicClose, QuicServerContext } from "../../fastpath/quic-engine.ts";
import { RequestHead } from "../../wire/http/message.ts";
import { DownstreamH3 } from "../downstream/downstream-h3.ts";
import { StreamPool } from "../downstream/stream-pool.ts";
import type { Generation, ListenerRuntime } from "../generation.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { QuicListenerEndpoint } from "../quic/listener-endpoint.ts";
import type { QuicListenerOwner, QuicServed } from "../quic/listener-settings.ts";
import type { QuicConnection } from "../quic/quic-connection.ts";
import type { QuicPlane } from "../quic-plane.ts";
import { ServiceQuicDialler } from "../relay/quic-dialler.ts";
import { QuicRelay } from "../relay/quic-relay.ts";
import { RouteRequest } from "../router/route-input.ts";
import type { WorkerContext } from "../worker-context.ts";
import { DRAIN_GRACE_MS } from "./drain-grace.ts";
import { type ListenerCurrent, listenerCurrent } from "./listener-current.ts";
import { QuicAdmissions } from "./quic-admissions.ts";
import { tellHandshakeFailure } from "./quic-failure.ts";
import type { QuicRuntime } from "./quic-runtime.ts";
import type { WorkerListener } from "./worker-listener.ts";

/** Between two attempts to bind the address again after its socket has failed. */
const REBIND_PAUSE_MS = 1000;

export interface QuicListenerParts {
  readonly context: WorkerContext;
  readonly plane: QuicPlane;
  readonly generation: Generation;
  readonly runtime: ListenerRuntime;
}

export class QuicListener implements WorkerListener, QuicListenerOwner {
  /** What the router looks at; used anew for each request. */
  readonly view = new RouteRequest(new RequestHead());
  /** For the requests of its connections. */
  readonly streams: StreamPool;
  current: ListenerCurrent;
  readonly #context: WorkerContext;
  readonly #plane: QuicPlane;
  readonly #admissions: QuicAdmissions;
  readonly #rebindTimer: Timer;
  /** `null`: its socket has failed, and there is no other yet. */
  #endpoint: QuicListenerEndpoint | null = null;
  #port: number;
  /** Drained, or closed: what fails is not bound again. */
  #leaving = false;

  private constructor({ context, plane, generation, runtime }: QuicListenerParts) {
    this.#context = context;
    this.#plane = plane;
    this.streams = new StreamPool(context);
    this.current = listenerCurrent(generation, runtime);
    this.#admissions = new QuicAdmissions(context, this);
    this.#rebindTimer = new Timer(() => void this.#rebind());
    this.#port = runtime.plan.port;
  }

  /** Binds the address. Rejects with an `Error` that has an errno `code`. */
  static async bind(parts: QuicListenerParts): Promise<QuicListener> {
    const listener = new QuicListener(parts);
    await listener.#open();
    return listener;
  }

  get port(): number {
    return this.#port;
  }

  get openConnections(): number {
    return this.#endpoint?.openConnections ?? 0;
  }

  accept(): void {
    this.#endpoint?.accept();
  }

  adopt(generation: Generation, runtime: ListenerRuntime): void {
    this.current = listenerCurrent(generation, runtime);
    this.#endpoint?.adopt(this.#quic.settings);
  }

  /** New clients are refused; the socket stays for the connections that there are. */
  drain(): Promise<void> {
    this.#leaving = true;
    const { drainJitterMs } = this.current.runtime.plan;
    // Clients that all reconnect at once would only move the load in a lump.
    this.#endpoint?.drain(() => DRAIN_GRACE_MS + this.#context.chance() * drainJitterMs);
    return Promise.resolve();
  }

  resume(): boolean {
    if (this.#endpoint === null) return false;
    this.#leaving = false;
    this.#endpoint.resume();
    return true;
  }

  abort(): number {
    return this.#endpoint?.abort() ?? 0;
  }

  close(): Promise<void> {
    this.#leaving = true;
    this.#context.wheel.remove(this.#rebindTimer);
    this.#endpoint?.close();
    this.#endpoint = null;
    return Promise.resolve();
  }

  contextFor(serverName: string, applicationProtocols: readonly string[]): QuicServerContext | null {
    return this.#quic.contexts.choose(serverName, applicationProtocols);
  }

  onConnection(link: QuicConnection): QuicServed {
    const { counters } = this.#context;
    (counters[GLOBAL_SLOTS.tls_handshakes_total] as number) += 1;
    if (link.engine.resumed) (counters[GLOBAL_SLOTS.tls_resumptions_total] as number) += 1;
    const { rawProxy } = this.#quic.plan;
    if (rawProxy === null) return new DownstreamH3({ context: this.#context, listener: this, link });
    return this.#relay(link, rawProxy.maxStreams);
  }

  onHandshakeFailed(link: QuicConnection, reason: QuicClose): void {
    tellHandshakeFailure(this.#context, this.current.runtime.plan.name, link, reason);
  }

  onFailed(code: string): void {
    const { name } = this.current.runtime.plan;
    this.#context.log.error({ listener: name, code }, "the socket of a QUIC listener has failed");
    this.#endpoint = null;
    this.#rebindLater();
  }

  get #quic(): QuicRuntime {
    const { quic } = this.current.runtime;
    assert(quic !== null, "a QUIC listener without QUIC");
    return quic;
  }

  #relay(link: QuicConnection, maxStreams: number): QuicRelay {
    const { current } = this;
    const route = current.runtime.routes.find((candidate) => candidate?.plan.rule.kind === "all");
    const { connectTimeoutMs } = current.generation.plan.runtime;
    const context = this.#context;
    const { counters } = this.#plane;
    const dialler = new ServiceQuicDialler(context.counters, route);
    return new QuicRelay({ context, counters, dialler, current, route, maxStreams, connectTimeoutMs }, link);
  }

  async #open(): Promise<void> {
    const { host } = this.current.runtime.plan;
    const { settings, plan } = this.#quic;
    const { resetKey } = plan;
    const port = this.#port;
    const tickets = this.#admissions;
    this.#endpoint = await this.#plane.listen({ host, port, resetKey, owner: this, tickets, settings });
    this.#port = this.#endpoint.port;
  }

  #rebindLater(): void {
    if (this.#leaving) return;
    const { wheel, clock } = this.#context;
    wheel.arm(this.#rebindTimer, clock.nowMs + REBIND_PAUSE_MS);
  }

  async #rebind(): Promise<void> {
    const { log } = this.#context;
    try {
      await this.#open();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      log.error({ listener: this.current.runtime.plan.name, code }, "a QUIC listener cannot be bound again");
      this.#rebindLater();
      return;
    }
    if (this.#leaving) {
      await this.close();
      return;
    }
    log.info({ listener: this.current.runtime.plan.name }, "a QUIC listener is bound again");
    // A reload may have come meanwhile.
    this.#endpoint?.adopt(this.#quic.settings);
    this.accept();
  }
}
