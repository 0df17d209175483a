/** A backend of HTTP/2 without TLS (by prior knowledge) that answers requests with any frames. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { freePort, HOST } from "./addresses.ts";
import type { CleanupScope } from "./gateway.ts";
import { type FieldList, PREFACE, settings } from "./h2-dsl.ts";
import { H2WirePeer } from "./h2-wire-peer.ts";

/** Called with each request; `fields` are its head. */
export type RogueScript = (peer: H2WirePeer, streamId: number, fields: FieldList) => unknown;

export interface Manners {
  /** What a connection begins with; default: SETTINGS. */
  readonly greeting?: Buffer;
  /** Whether SETTINGS and PING are answered; default: they are. */
  readonly polite?: boolean;
}

export class RogueBackend {
  readonly port: number;
  /** All connections that there ever were, in order. */
  readonly peers: H2WirePeer[] = [];
  /** Requests that have come. */
  requests = 0;
  script: RogueScript = () => {};
  #greeting: Buffer = settings();
  #polite = true;
  readonly #server: Server;

  static async start(scope: CleanupScope): Promise<RogueBackend> {
    const backend = new RogueBackend(await freePort());
    backend.#server.listen(backend.port, HOST);
    await once(backend.#server, "listening");
    scope.after(() => backend.#stop());
    return backend;
  }

  private constructor(port: number) {
    this.port = port;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  get address(): string {
    return `${HOST}:${this.port}`;
  }

  get open(): number {
    return this.peers.filter((peer) => !peer.over).length;
  }

  /** From now on, and on new connections. */
  become(script: RogueScript, { greeting = settings(), polite = true }: Manners = {}): void {
    this.drop();
    this.script = script;
    this.#greeting = greeting;
    this.#polite = polite;
  }

  /** Ends every connection. */
  drop(): void {
    for (const peer of this.peers) peer.destroy();
  }

  #accept(socket: Socket): void {
    const peer = new H2WirePeer(socket, PREFACE.length);
    peer.polite = this.#polite;
    const seen = new Set<number>();
    this.peers.push(peer);
    peer.onBlock = (streamId, stream) => {
      if (seen.has(streamId)) return;
      seen.add(streamId);
      this.requests++;
      this.script(peer, streamId, stream.blocks[0] ?? []);
    };
    peer.send(this.#greeting);
  }

  async #stop(): Promise<void> {
    this.drop();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}
