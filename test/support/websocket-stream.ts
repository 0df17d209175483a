/** WebSocket connections as plain byte streams: over HTTP/1.1 (RFC 6455 section 4), and over HTTP/2 (RFC 8441). */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectH2 } from "node:http2";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { HOST } from "./addresses.ts";
import { within } from "./wait-for.ts";
import { webSocketAccept, webSocketKey } from "../../src/wire/ws/handshake.ts";

export interface OpenedStream {
  readonly stream: Duplex;
  /** What was agreed on in Sec-WebSocket-Extensions; empty when nothing was. */
  readonly extensions: string;
}

/** Opens a connection that offers the extensions (empty: none). Rejects when the handshake is refused. */
export type StreamOpener = (port: number, offer: string) => Promise<OpenedStream>;

const HANDSHAKE_TIMEOUT_MS = 5000;

export const openOverH1: StreamOpener = async (port, offer) => {
  const key = webSocketKey(randomBytes(16));
  const socket = connect({ host: HOST, port, allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  await within("a connection", HANDSHAKE_TIMEOUT_MS, once(socket, "connect"));
  const lines = [
    "GET / HTTP/1.1",
    `Host: ${HOST}:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
    ...(offer === "" ? [] : [`Sec-WebSocket-Extensions: ${offer}`]),
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const [bytes] = (await within("the handshake", HANDSHAKE_TIMEOUT_MS, once(socket, "data"))) as [Buffer];
    text += bytes.toString("latin1");
  }
  const end = text.indexOf("\r\n\r\n") + 4;
  const head = text.slice(0, end);
  if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`refused: ${head}`);
  if (fieldOf(head, "sec-websocket-accept") !== webSocketAccept(key))
    throw new Error("not the answer to our key");
  socket.pause();
  if (text.length > end) socket.unshift(Buffer.from(text.slice(end), "latin1"));
  return { stream: socket, extensions: fieldOf(head, "sec-websocket-extensions") };
};

export const openOverH2: StreamOpener = async (port, offer) => {
  const session = connectH2(`http://${HOST}:${port}`);
  session.on("error", () => {});
  await within("settings", HANDSHAKE_TIMEOUT_MS, once(session, "remoteSettings"));
  if (session.remoteSettings.enableConnectProtocol !== true) {
    session.destroy();
    throw new Error("the gateway does not offer extended CONNECT");
  }
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":authority": `${HOST}:${port}`,
    ":path": "/",
    "sec-websocket-version": "13",
    ...(offer === "" ? {} : { "sec-websocket-extensions": offer }),
  });
  stream.on("error", () => {});
  stream.on("close", () => session.close());
  const [head] = await within("the handshake", HANDSHAKE_TIMEOUT_MS, responseOf(stream, session));
  if (head[":status"] !== 200) {
    session.destroy();
    throw new Error(`refused: ${String(head[":status"])}`);
  }
  return { stream, extensions: (head["sec-websocket-extensions"] as string | undefined) ?? "" };
};

type ResponseHead = Readonly<Record<string, unknown>>;

async function responseOf(stream: ClientHttp2Stream, session: ClientHttp2Session): Promise<[ResponseHead]> {
  const refused = once(stream, "close").then(() => {
    session.destroy();
    throw new Error(`the stream was reset with ${stream.rstCode}`);
  });
  return (await Promise.race([once(stream, "response"), refused])) as [ResponseHead];
}

function fieldOf(head: string, name: string): string {
  const line = head.split("\r\n").find((each) => each.toLowerCase().startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim() ?? "";
}
