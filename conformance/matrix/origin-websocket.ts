/** Echo over WebSocket on `ws`, by Upgrade (RFC 6455 section 4) and by extended CONNECT (RFC 8441, RFC 9220). */
import type { IncomingMessage, Server } from "node:http";
import type { Http2Server, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { echo } from "../../test/support/websocket-backend.ts";

export function echoUpgrade(server: Server): void {
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.handleUpgrade(request, socket, head, listen);
  });
}

export function echoConnect(server: Http2Server): void {
  server.on("connect" as "request", (request: Http2ServerRequest, response: Http2ServerResponse) => {
    if (request.headers[":protocol"] !== "websocket") {
      response.writeHead(501).end();
      return;
    }
    request.stream.respond({ ":status": 200 });
    listen(overStream(request.stream));
  });
}

/** What ws does after a handshake: it has no handshake of its own over HTTP/2 and HTTP/3. */
export function overStream(stream: Duplex): WebSocket {
  const Bare = WebSocket as unknown as new (
    address: null,
    protocols: undefined,
    options: object,
  ) => WebSocket & {
    setSocket(socket: Duplex, head: Buffer, options: object): void;
  };
  const socket = new Bare(null, undefined, { autoPong: true });
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0, skipUTF8Validation: false });
  return socket;
}

export function listen(socket: WebSocket): void {
  socket.on("error", () => undefined);
  echo(socket);
}
