/**
 * Whether a UDP port of another machine is closed. One octet goes there from a connected socket of its own; where
 * nobody listens, ICMP says "port unreachable", and the kernel tells that socket ECONNREFUSED. Any other outcome
 * says nothing: networks lose such messages, and machines send few of them.
 *
 * Asked by who has reason to think that a peer is gone. A forger would have to hit a port that is in use for
 * `ANSWER_MS` and for nothing else; of the sockets that connections use, which live long, ICMP is not believed.
 */
import { createSocket, type Socket } from "node:dgram";
import { formatIp, isMapped } from "../base/ip.ts";
import type { UdpAddress } from "./udp.ts";

/**
 * It looks as a packet of QUIC with a short header, and is too short to be one: nothing answers it (RFC 9000
 * section 10.3.3), and nobody takes it for anything else.
 */
const QUESTION = Buffer.of(0x40);

/** How long an answer is waited for; further ones than this are rare, and who asks will ask again. */
const ANSWER_MS = 1000;

/** Addresses that are asked at once, each with a socket. Who comes on top of them asks again later. */
const MAX_ASKED = 64;

/** One address that is being asked; everybody who wants to know waits for the same answer. */
interface Question {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
  readonly waiting: Set<() => void>;
}

export class UdpRefusals {
  readonly #asked = new Map<string, Question>();
  readonly #answerMs: number;

  /** `answerMs`: other than usual in tests. */
  constructor(answerMs = ANSWER_MS) {
    this.#answerMs = answerMs;
  }

  /** Addresses that are being asked now, each with a socket. */
  get asking(): number {
    return this.#asked.size;
  }

  /**
   * Calls `refused`, later and at most once, if the port turns out to be closed. The same function waits only once
   * for one address, however often it asks.
   */
  ask(remote: UdpAddress, refused: () => void): void {
    const host = formatIp(remote.words);
    const key = `${host} ${remote.port}`;
    const known = this.#asked.get(key);
    if (known !== undefined) known.waiting.add(refused);
    else if (this.#asked.size < MAX_ASKED) this.#open(key, remote, host).add(refused);
  }

  /** Nobody is told any more. */
  close(): void {
    for (const key of this.#asked.keys()) this.#end(key);
  }

  #open(key: string, remote: UdpAddress, host: string): Set<() => void> {
    const family = isMapped(remote.words) ? 4 : 6;
    const socket = createSocket({
      type: family === 4 ? "udp4" : "udp6",
      // Addresses are numbers already.
      lookup: (name, _options, done) => done(null, name, family),
    });
    const timer = setTimeout(() => this.#end(key), this.#answerMs);
    const question = { socket, timer, waiting: new Set<() => void>() };
    this.#asked.set(key, question);
    timer.unref();
    socket.on("error", (error: NodeJS.ErrnoException) => this.#answered(key, error.code ?? ""));
    socket.once("connect", () => socket.send(QUESTION));
    socket.connect(remote.port, host);
    socket.unref();
    return question.waiting;
  }

  #answered(key: string, code: string): void {
    const waiting = this.#end(key);
    if (code === "ECONNREFUSED") for (const refused of waiting) refused();
  }

  /** Returns who has been waiting. */
  #end(key: string): ReadonlySet<() => void> {
    const question = this.#asked.get(key);
    if (question === undefined) return new Set();
    this.#asked.delete(key);
    clearTimeout(question.timer);
    // Events may still be on their way to it.
    question.socket.removeAllListeners().on("error", () => {});
    question.socket.close();
    return question.waiting;
  }
}
