/**
 * A WebSocket server of `ws` behind extended CONNECT over HTTP/3 (RFC 9220): it is shown the handshake of
 * HTTP/1.1 that it knows, and what it answers becomes that of HTTP/3. Messages are echoed.
 */
import type { IncomingMessage } from "node:http";
import { type ServerOptions, WebSocketServer } from "ws";
import { freePort, HOST } from "../../test/support/addresses.ts";
import type { CertificatePaths } from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { echo } from "../../test/support/websocket-backend.ts";
import { H3Server, type ServedStream } from "./h3-server.ts";
import type { FieldPairs } from "./h3-stream.ts";
import type { PeerName } from "./peers.ts";

export interface WebSocketSpec {
  readonly peer: PeerName;
  readonly certificate: CertificatePaths;
  readonly options: ServerOptions;
}

/** `ws` wants one; over HTTP/3 there is none. */
const KEY = Buffer.alloc(16).toString("base64");

/** Returns its address. */
export async function startWebSocketOverH3(
  scope: CleanupScope,
  { peer, certificate, options }: WebSocketSpec,
): Promise<string> {
  const port = await freePort();
  const server = await H3Server.start(scope, peer, { host: HOST, port, certificate });
  const sockets = new WebSocketServer({ ...options, noServer: true });
  server.onRequest = (stream, { headers }) => {
    sockets.handleUpgrade(upgradeOf(headers), translated(stream), Buffer.alloc(0), (socket) => {
      socket.on("error", () => undefined);
      echo(socket);
    });
  };
  return `${HOST}:${port}`;
}

function upgradeOf(headers: FieldPairs): IncomingMessage {
  const fields = Object.fromEntries(headers);
  const request = {
    method: "GET",
    url: fields[":path"],
    headers: { ...fields, upgrade: "websocket", connection: "upgrade", "sec-websocket-key": KEY },
  };
  return request as unknown as IncomingMessage;
}

/** What is written first is the head of the answer, which goes as one of HTTP/3. */
function translated(stream: ServedStream): ServedStream {
  const write = stream.write.bind(stream);
  stream.write = ((head: string) => {
    stream.write = write;
    stream.sendHeaders(answerOf(head), false);
    return true;
  }) as typeof stream.write;
  return stream;
}

function answerOf(head: string): FieldPairs {
  const [first = "", ...lines] = head.split("\r\n");
  const [, status = ""] = first.split(" ");
  const kept = lines
    .map((line) => line.split(": "))
    .filter(([name = ""]) => /^sec-websocket-(extensions|protocol)$/i.test(name))
    .map(([name = "", value = ""]) => [name.toLowerCase(), value] as const);
  return [[":status", status === "101" ? "200" : status], ...kept];
}
