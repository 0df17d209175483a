/**
 * What the connections of one backend are secured with: a TLS context for those over TCP, contexts of QUIC by
 * the protocols that they offer. A plan whose settings a library refuses is refused when it is compiled.
 */
import { Fault } from "../../base/fault.ts";
import type { QuicClientContext } from "../../fastpath/quic-engine.ts";
import type { TlsClientContext } from "../../fastpath/tls.ts";
import type { BackendPlan } from "../plan.ts";
import type { WorkerContext } from "../worker-context.ts";

/** The ALPN protocol of HTTP/3 (RFC 9114 section 3.1). */
export const H3_ALPN: readonly string[] = ["h3"];

/**
 * Contexts of a backend of raw QUIC, whose clients choose the protocol: one takes about 100 KiB with the
 * authorities of the runtime. Beyond, the one that was made first is made again when it is wanted.
 */
const MAX_CONTEXTS = 16;

/** The worker's TLS library, or its QUIC engine, refuses the certificates, the key or a setting of a backend. */
export class BackendTlsError extends Error {
  override readonly name = "BackendTlsError";
}

/** For connections over TCP; `null`: without TLS, or over QUIC. Throws `BackendTlsError`. */
export function tlsContext({ transport }: WorkerContext, plan: BackendPlan): TlsClientContext | null {
  const { tls, quic } = plan;
  if (tls === null || quic !== null) return null;
  return refusable(plan, "TLS", () => transport.tlsClient(tls));
}

export class QuicContexts {
  readonly #worker: WorkerContext;
  readonly #plan: BackendPlan;
  readonly #made = new Map<string, QuicClientContext>();

  /** Throws `BackendTlsError`. */
  constructor(worker: WorkerContext, plan: BackendPlan) {
    this.#worker = worker;
    this.#plan = plan;
    // Whatever a client will offer: what can be refused is the same for every protocol.
    if (plan.quic !== null) refusable(plan, "QUIC", () => this.#make(H3_ALPN));
  }

  /** A context that offers these protocols; a fault: the engine does not take them. */
  of(alpn: readonly string[]): QuicClientContext | Fault {
    // No protocol's name needs it as a character; where one has it, contexts are only made more often.
    const known = this.#made.get(alpn.join("\n"));
    if (known !== undefined) return known;
    try {
      return this.#make(alpn);
    } catch (error) {
      return new Fault("connect_failed", textOf(error));
    }
  }

  #make(alpn: readonly string[]): QuicClientContext {
    const { tls, quic } = this.#plan;
    if (tls === null || quic === null) throw new Error("a backend over QUIC has settings of TLS and of QUIC");
    if (tls.identity !== null) throw new Error("the QUIC engine shows no certificate of a client");
    const { caPem, verifyPeer, serverName, verifyName, keyLogPath } = tls;
    // A relay's connections have nothing to do with each other.
    const resume = this.#plan.protocol === "h3";
    const settings = { transport: quic, alpn, caPem, verifyPeer, serverName, verifyName, resume, keyLogPath };
    const made = this.#worker.quic.context(settings);
    if (this.#made.size >= MAX_CONTEXTS) this.#forgetFirst();
    this.#made.set(alpn.join("\n"), made);
    return made;
  }

  #forgetFirst(): void {
    for (const key of this.#made.keys()) {
      this.#made.delete(key);
      return;
    }
  }
}

function refusable<T>({ address }: BackendPlan, what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new BackendTlsError(`backend "${address}": ${what}: ${textOf(error)}`, { cause: error });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
