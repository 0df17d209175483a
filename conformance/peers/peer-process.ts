/**
 * A peer of HTTP/3 in a process of its own, which is led through its standard streams: commands and events
 * are frames of kind (1 octet), id (4), length (4) and payload. `aioquic_peer.py` and
 * `go-tools/quic-go/` both speak it; what the letters mean stands in the former. `h3-stream.ts` gives one
 * stream the shape of a Duplex.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { CleanupScope } from "../../test/support/gateway.ts";

const HEAD_BYTES = 9;
/** Of what the process says on its own, for the error when it ends too soon. */
const SAID_CHARACTERS = 2000;

/** Takes the events of one id. */
export type Receiver = (kind: string, payload: Buffer) => void;

export class PeerProcess {
  /** Takes the events of ids that nobody has taken. */
  onOther: (kind: string, id: number, payload: Buffer) => void = () => {};
  readonly #child: ChildProcess;
  readonly #receivers = new Map<number, Receiver>();
  #rest: Buffer = Buffer.alloc(0);
  #lastId = 0;
  #said = "";

  /** It ends with the scope. */
  static start(scope: CleanupScope, file: string, args: readonly string[]): PeerProcess {
    const peer = new PeerProcess(spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] }));
    scope.after(() => peer.#stop());
    return peer;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdin?.on("error", () => undefined);
    child.stdout?.on("data", (bytes: Buffer) => this.#receive(bytes));
    child.stderr?.on("data", (bytes: Buffer) => {
      this.#said = (this.#said + bytes.toString("latin1")).slice(-SAID_CHARACTERS);
    });
  }

  /** The last that it said on its own. */
  get said(): string {
    const { exitCode, signalCode } = this.#child;
    const over = exitCode === null && signalCode === null ? "" : ` (it has ended: ${exitCode ?? signalCode})`;
    return `${this.#said}${over}`;
  }

  /** An id that no stream or connection of this leader has. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  listen(id: number, receiver: Receiver): void {
    this.#receivers.set(id, receiver);
  }

  forget(id: number): void {
    this.#receivers.delete(id);
  }

  send(kind: string, id: number, payload: Uint8Array = new Uint8Array()): void {
    const head = Buffer.alloc(HEAD_BYTES);
    head.write(kind, 0, "latin1");
    head.writeUInt32BE(id, 1);
    head.writeUInt32BE(payload.length, 5);
    this.#child.stdin?.write(Buffer.concat([head, payload]));
  }

  sendJson(kind: string, id: number, value: unknown): void {
    this.send(kind, id, Buffer.from(JSON.stringify(value)));
  }

  #receive(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (rest.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + rest.readUInt32BE(5);
      if (rest.length < end) break;
      this.#dispatch(rest.toString("latin1", 0, 1), rest.readUInt32BE(1), rest.subarray(HEAD_BYTES, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
  }

  #dispatch(kind: string, id: number, payload: Buffer): void {
    const receiver = this.#receivers.get(id);
    if (receiver === undefined) this.onOther(kind, id, payload);
    else receiver(kind, payload);
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const over = once(child, "close");
    child.kill("SIGKILL");
    await over;
  }
}
