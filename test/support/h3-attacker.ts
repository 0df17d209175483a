/** A client of HTTP/3 that means harm: any octets on any stream, over a QUIC connection that is in order. */
import { H3Code, h3CodeName } from "../../src/wire/h3/error-code.ts";
import { FrameLines, headers, stream } from "./h3-dsl.ts";
import type { FieldList } from "./h2-dsl.ts";
import { NotingOwner } from "./quic-owners.ts";
import { waitFor } from "./wait-for.ts";

/** An answer to an attack takes longer only when there is none. */
const OUTCOME_LIMIT_MS = 15_000;

export const GET_H3: FieldList = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "localhost"],
  [":path", "/"],
];

export const POST_H3: FieldList = [[":method", "POST"], ...GET_H3.slice(1)];

export class H3Attacker extends NotingOwner {
  #control = -1;

  /** Opens the control stream, or goes on with it. */
  control(...frames: readonly Buffer[]): void {
    if (this.#control === -1) {
      this.#control = this.link.openUnidirectional();
      this.octets(this.#control, stream(0));
    }
    this.octets(this.#control, Buffer.concat(frames));
  }

  /** Opens a unidirectional stream of this type; -1: the gateway allows no more. */
  unidirectional(type: number, content: Buffer = Buffer.alloc(0), fin = false): number {
    const id = this.link.openUnidirectional();
    if (id !== -1) this.octets(id, stream(type, content), fin);
    return id;
  }

  /** Opens a request stream; -1: the gateway allows no more. */
  request(frames: readonly Buffer[], fin = true): number {
    const id = this.link.openBidirectional();
    if (id !== -1) this.octets(id, Buffer.concat(frames), fin);
    return id;
  }

  /** Gives a request up, in both directions. */
  cancel(id: number): void {
    this.link.reset(id, H3Code.requestCancelled);
    this.link.stop(id, H3Code.requestCancelled);
    this.link.flush();
  }

  /** Writes as much as is taken now; returns how much. */
  octets(id: number, bytes: Buffer, fin = false): number {
    const taken = this.link.write(id, bytes, 0, bytes.length, fin);
    this.link.flush();
    return taken;
  }

  /** Writes all of it, as it is taken; ends early when nobody wants it. */
  async all(id: number, bytes: Buffer, fin = false): Promise<void> {
    for (let at = 0; at < bytes.length && this.closed === null;) {
      const taken = this.link.write(id, bytes, at, bytes.length, fin);
      this.link.flush();
      if (taken < 0) return;
      at += taken;
      if (at < bytes.length) await new Promise(setImmediate);
    }
  }

  /** A GET, and its outcome. */
  async get(fields: FieldList = GET_H3): Promise<string> {
    const id = this.request([], false);
    if (id !== -1) await this.all(id, headers(fields), true);
    return await this.outcome(id);
  }

  /** What became of a request: `200`, `reset H3_…`, or how the connection ended. */
  async outcome(id: number): Promise<string> {
    return await waitFor("what becomes of a request", () => this.#outcome(id), {
      timeoutMs: OUTCOME_LIMIT_MS,
      everyMs: 2,
    });
  }

  /** How the connection ended: `H3_…`, or the transport's code. */
  async ended(): Promise<string> {
    return await waitFor("the connection to end", () => this.#ended(), { timeoutMs: OUTCOME_LIMIT_MS });
  }

  #outcome(id: number): string | undefined {
    const { parts, ended, resetCode } = this.stream(id);
    if (resetCode !== -1) return `reset ${h3CodeName(resetCode)}`;
    if (ended)
      return /:status=(\d+)/.exec(new FrameLines().add(Buffer.concat(parts)).join("\n"))?.[1] ?? "nothing";
    return this.#ended();
  }

  #ended(): string | undefined {
    const { closed } = this;
    if (closed === null) return undefined;
    if (closed.by !== "peer") return closed.by;
    return closed.application ? h3CodeName(closed.code) : `transport 0x${closed.code.toString(16)}`;
  }
}
