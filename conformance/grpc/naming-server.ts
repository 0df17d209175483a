/**
 * A gRPC server for one case of the interop suite: `pick_first_unary` wants each answer to name the server
 * that gave it, which grpc-go's interop server does not do.
 */
import { createServer, type ServerHttp2Stream } from "node:http2";
import { once } from "node:events";
import { HOST } from "../../test/support/addresses.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";

const SERVER_ID = "one";

/** Field 4 of `grpc.testing.SimpleResponse`: `server_id`. */
const SERVER_ID_TAG = 0x22;

/** Answers every call with a `SimpleResponse` that holds the id, and OK. */
export async function startNamingServer(scope: CleanupScope, port: number): Promise<void> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => answer(stream));
  server.listen(port, HOST);
  await once(server, "listening");
  scope.after(async () => {
    server.close();
    await Promise.resolve();
  });
}

function answer(stream: ServerHttp2Stream): void {
  stream.on("error", () => {});
  stream.resume();
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  const message = Buffer.concat([Buffer.from([SERVER_ID_TAG, SERVER_ID.length]), Buffer.from(SERVER_ID)]);
  const prefix = Buffer.from([0, 0, 0, 0, message.length]);
  stream.end(Buffer.concat([prefix, message]));
}
