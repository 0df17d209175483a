/** A well-behaved client of HTTP/3 for tests end to end: an answer is a promise. `QuicUsers` makes them. */
import { X509Certificate } from "node:crypto";
import type { H3Error } from "../../src/wire/h3/h3-error.ts";
import type { H3Stream } from "../../src/wire/h3/h3-stream.ts";
import type { Fields } from "../../src/wire/http/fields.ts";
import type { QuicConnection } from "../../src/proxy/quic/quic-connection.ts";
import { CodecH3Client, type H3Answer, type H3RequestSpec } from "./codec-h3-client.ts";
import { waitFor, within } from "./wait-for.ts";

/** An answer takes longer than this only when it hangs. */
const ANSWER_LIMIT_MS = 20_000;

export class H3User extends CodecH3Client {
  readonly #waiters = new Map<H3Answer, () => void>();
  /** Streams with something to send for which there was no room. */
  readonly #pours = new Map<H3Answer, () => void>();

  /** What the gateway showed. */
  get certificate(): X509Certificate {
    const [own] = (this.link as QuicConnection).engine.peerCertificates;
    if (own === undefined) throw new Error("no certificate was shown");
    return new X509Certificate(own);
  }

  /** Its names; empty when none was shown. */
  get certificateNames(): string {
    const [own] = (this.link as QuicConnection).engine.peerCertificates;
    return own === undefined ? "" : (new X509Certificate(own).subjectAltName ?? "");
  }

  /** Sends a request and waits until its answer is whole, or is broken off: see `H3Answer.told`. */
  async ask(path: string, spec: H3RequestSpec = {}): Promise<H3Answer> {
    return await this.over(this.request(path, spec));
  }

  async over(answer: H3Answer, timeoutMs = ANSWER_LIMIT_MS): Promise<H3Answer> {
    if (answer.ended || answer.over) return answer;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.set(answer, resolve);
    await within("an answer over HTTP/3", timeoutMs, promise);
    return answer;
  }

  /** Waits for the answer's head. */
  async begun(answer: H3Answer): Promise<H3Answer> {
    await waitFor("the head of an answer", () => answer.status !== 0 || answer.over, { everyMs: 2 });
    return answer;
  }

  /** Sends so many octets of body as they are taken, then the end. */
  pour(answer: H3Answer, octets: number): void {
    const block = Buffer.alloc(32_768, "x");
    let left = octets;
    const go = (): void => {
      while (left > 0 && !answer.over) {
        const size = Math.min(left, block.length);
        left -= size;
        if (!this.send(answer, block.subarray(0, size))) return;
      }
      this.#pours.delete(answer);
      if (!answer.over) this.end(answer);
    };
    this.#pours.set(answer, go);
    go();
  }

  /** Waits for the end of the connection. */
  async gone(timeoutMs = ANSWER_LIMIT_MS): Promise<NonNullable<CodecH3Client["closed"]>> {
    return await waitFor("the connection to end", () => this.closed, { timeoutMs });
  }

  override onEnd(stream: H3Stream, trailers: Fields): void {
    super.onEnd(stream, trailers);
    this.#settle(stream);
  }

  override onStreamDrained(stream?: H3Stream): void {
    if (stream !== undefined) this.#pours.get(stream.user as H3Answer)?.();
  }

  override onStreamClosed(stream: H3Stream): void {
    super.onStreamClosed(stream);
    this.#settle(stream);
  }

  override onStreamError(stream: H3Stream, error: H3Error): void {
    super.onStreamError(stream, error);
    this.#settle(stream);
  }

  #settle(stream: H3Stream): void {
    const answer = stream.user as H3Answer;
    this.#waiters.get(answer)?.();
    this.#waiters.delete(answer);
  }
}
