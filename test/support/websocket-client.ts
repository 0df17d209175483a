/** A WebSocket client that waits for conditions: a message, a close, a refusal. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type ClientOptions, WebSocket } from "ws";
import { HOST } from "./addresses.ts";
import { waitFor, within } from "./wait-for.ts";
import type { Closed } from "./websocket-backend.ts";

export interface WebSocketClientOptions extends ClientOptions {
  readonly path?: string;
  readonly protocols?: readonly string[];
}

export class WebSocketClient {
  readonly socket: WebSocket;
  readonly messages: { readonly data: Buffer; readonly binary: boolean }[] = [];
  #closed: Closed | undefined;

  /** Opens a connection; rejects when the handshake is refused. */
  static async open(port: number, options: WebSocketClientOptions = {}): Promise<WebSocketClient> {
    const client = new WebSocketClient(port, options);
    await within("the handshake", 5000, once(client.socket, "open"));
    return client;
  }

  /** The answer to a handshake that is refused. */
  static async refused(port: number, options: WebSocketClientOptions = {}): Promise<IncomingMessage> {
    const client = new WebSocketClient(port, options);
    const [, answer] = (await within("a refusal", 15_000, once(client.socket, "unexpected-response"))) as [
      unknown,
      IncomingMessage,
    ];
    client.socket.terminate();
    return answer;
  }

  private constructor(port: number, { path = "/", protocols = [], ...options }: WebSocketClientOptions) {
    this.socket = new WebSocket(`ws://${HOST}:${port}${path}`, [...protocols], {
      perMessageDeflate: false,
      ...options,
    });
    this.socket.on("message", (data: Buffer, binary) => this.messages.push({ data, binary }));
    this.socket.on("error", () => {});
    this.socket.on("close", (code, reason) => {
      this.#closed = { code, reason: reason.toString() };
    });
  }

  get text(): string[] {
    return this.messages.map(({ data }) => data.toString());
  }

  /** Sends text or bytes, and waits for as many messages as were asked for in all. */
  async exchange(data: string | Buffer, total: number): Promise<Buffer> {
    this.socket.send(data);
    const last = await waitFor(`${total} messages`, () => this.messages[total - 1], { timeoutMs: 15_000 });
    return last.data;
  }

  /** Waits for the end of the connection. */
  async closed(timeoutMs = 10_000): Promise<Closed> {
    return await waitFor("the connection to end", () => this.#closed, { timeoutMs });
  }
}
