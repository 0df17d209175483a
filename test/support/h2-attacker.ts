/** A client of HTTP/2 that means harm: any frames, over TLS (ALPN `h2`) or by prior knowledge. */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { MAX_FRAME_BYTES } from "../../src/wire/h2/frame/frame-type.ts";
import { HOST } from "./addresses.ts";
import type { CleanupScope } from "./gateway.ts";
import { clientPreface, data, type FieldList, fragments, headers } from "./h2-dsl.ts";
import { H2WirePeer } from "./h2-wire-peer.ts";
import { waitFor, within } from "./wait-for.ts";

export interface AttackerOptions {
  readonly tls: boolean;
  /** False: it acknowledges no SETTINGS, and answers no PING. */
  readonly polite?: boolean;
  /** Of its first frame. */
  readonly settings?: readonly (readonly [id: number, value: number])[];
}

export interface RequestParts {
  /** Parts of the body, each in a DATA frame. */
  readonly body?: readonly string[];
  readonly trailers?: FieldList;
}

export class H2Attacker extends H2WirePeer {
  /** The next stream that `request` opens. */
  nextId = 1;

  /** Connects, and exchanges prefaces and SETTINGS with the gateway; is gone when the scope ends. */
  static async connect(scope: CleanupScope, port: number, options: AttackerOptions): Promise<H2Attacker> {
    const to = { port, host: HOST };
    const tls = { ...to, servername: "localhost", rejectUnauthorized: false, ALPNProtocols: ["h2"] };
    const socket = options.tls ? connectTls(tls) : connectTcp(to);
    const attacker = new H2Attacker(socket);
    scope.after(() => Promise.resolve(attacker.destroy()));
    await within("an attacker to connect", 10_000, once(socket, options.tls ? "secureConnect" : "connect"));
    socket.setNoDelay(true);
    attacker.polite = options.polite ?? true;
    attacker.send(clientPreface(...(options.settings ?? [])));
    await waitFor("the gateway's SETTINGS", () => attacker.settings.size > 0);
    return attacker;
  }

  /** Sends a request with these fields on the next stream; returns its identifier. */
  request(fields: FieldList, { body = [], trailers }: RequestParts = {}): number {
    const id = this.nextId;
    this.nextId += 2;
    const ends = body.length === 0 && trailers === undefined;
    const parts = [headers(id, fields, { end: ends })];
    body.forEach((part, index) => {
      const last = index === body.length - 1 && trailers === undefined;
      parts.push(data(id, part, { end: last }));
    });
    if (trailers !== undefined) parts.push(headers(id, trailers, { end: true }));
    this.send(...parts);
    return id;
  }

  /** Sends a header block that ends a stream, in as many frames as it needs; returns the stream's identifier. */
  sendBlock(bytes: Buffer): number {
    const id = this.nextId;
    this.nextId += 2;
    this.send(fragments(id, pieces(bytes)));
    return id;
  }

  /** The same, and what became of it. */
  async ask(fields: FieldList, parts: RequestParts = {}): Promise<string> {
    return await this.outcome(this.request(fields, parts));
  }
}

/** Cut to fit into frames. */
export function pieces(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += MAX_FRAME_BYTES)
    parts.push(bytes.subarray(at, at + MAX_FRAME_BYTES));
  return parts;
}
