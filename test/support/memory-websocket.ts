/** WebSocket tunnels over the memory transport: the handshake on both sides, and the frames behind it. */
import assert from "node:assert/strict";
import { webSocketAccept } from "../../src/wire/ws/handshake.ts";
import type { MemoryGateway } from "./memory-gateway.ts";
import type { MemoryPeer } from "./memory-peer.ts";
import { parseRequest } from "./strict-http1.ts";
import { CLOSE, closeText, readFrames, type ReadFrame } from "./ws-frames.ts";

/** The key of RFC 6455 section 1.3, and its answer. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export const HANDSHAKE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  `Sec-WebSocket-Key: ${KEY}`,
];

/** A handshake with other lines in place of those of the same name, and further ones. */
export function upgrade(path: string, ...lines: string[]): string {
  const names = lines.map((line) => `${line.split(":", 1)[0]?.toLowerCase()}:`);
  const kept = HANDSHAKE.filter((line) => !names.some((name) => line.toLowerCase().startsWith(name)));
  const fields = [...kept, ...lines].filter((line) => !line.endsWith(": -"));
  return [`GET ${path} HTTP/1.1`, "Host: app.example", ...fields, "", ""].join("\r\n");
}

/** What a backend answers to the handshake that it got. */
export function switching(request: string, ...lines: string[]): string {
  const key = /^sec-websocket-key: (.*)\r$/im.exec(request)?.[1];
  assert.ok(key !== undefined, `no key in ${request}`);
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${webSocketAccept(key)}`,
    ...lines,
    "",
    "",
  ].join("\r\n");
}

/** One side of a tunnel: what it was sent in frames. */
export class WebSocketEnd {
  readonly peer: MemoryPeer;

  constructor(peer: MemoryPeer) {
    this.peer = peer;
  }

  /** All frames so far; what is behind them must be nothing. */
  get frames(): ReadFrame[] {
    const { frames, rest } = readFrames(this.peer.bytes);
    assert.equal(rest.length, 0, "a frame is not whole");
    return frames;
  }

  /** The payloads of what is no Close frame. */
  get messages(): string[] {
    return this.frames.filter(({ opcode }) => opcode !== CLOSE).map(({ payload }) => payload.toString());
  }

  /** `code reason` of the Close frame, which is the last; `undefined`: there is none. */
  get closed(): string | undefined {
    const { frames } = this;
    const index = frames.findIndex(({ opcode }) => opcode === CLOSE);
    if (index === -1) return undefined;
    assert.equal(index, frames.length - 1, "nothing comes behind a Close frame");
    return closeText(frames[index] as ReadFrame);
  }
}

export interface OpenTunnel {
  readonly client: WebSocketEnd;
  readonly backend: WebSocketEnd;
}

/** Opens a tunnel, with the handshakes taken off both ends. `index`: which dial is the backend's. */
export function openWebSocket(gateway: MemoryGateway, index = 0): OpenTunnel {
  const client = gateway.client();
  client.send(upgrade("/chat"));
  const backend = gateway.backend(index);
  const request = backend.take();
  assert.equal(parseRequest(Buffer.from(request, "latin1")).kind, "message");
  backend.send(switching(request));
  assert.match(client.take(), /^HTTP\/1\.1 101 /);
  return { client: new WebSocketEnd(client), backend: new WebSocketEnd(backend) };
}
