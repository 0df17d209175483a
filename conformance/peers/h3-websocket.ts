/** A WebSocket connection over HTTP/3 (RFC 9220) as a stream of octets, on a peer that is led. */
import type { Duplex } from "node:stream";
import { HOST } from "../../test/support/addresses.ts";
import { within } from "../../test/support/wait-for.ts";
import type { H3Clients } from "./h3-client.ts";
import type { FieldPairs, HeadEvent } from "./h3-stream.ts";

const HANDSHAKE_TIMEOUT_MS = 5000;

export interface WebSocketAsk {
  readonly path: string;
  /** For Sec-WebSocket-Extensions; none when it is empty. */
  readonly offer?: string;
}

export interface OpenedWebSocket {
  readonly stream: Duplex;
  /** What was agreed on in Sec-WebSocket-Extensions; empty when nothing was. */
  readonly extensions: string;
  /** Ends the connection of QUIC. */
  readonly close: () => void;
}

/** On a connection of its own. Rejects when the gateway does not offer extended CONNECT, or refuses. */
export async function openWebSocket(
  clients: H3Clients,
  port: number,
  { path, offer = "" }: WebSocketAsk,
): Promise<OpenedWebSocket> {
  const connection = await clients.connect(HOST, port);
  const close = (): void => connection.close();
  try {
    if (!connection.extendedConnect) throw new Error("the gateway does not offer extended CONNECT");
    const stream = connection.request(headOf(connection.authority, path, offer), false);
    const answer = Promise.withResolvers<HeadEvent>();
    stream.onHeaders = (event) => answer.resolve(event);
    stream.on("close", () => {
      answer.reject(new Error(`the stream was reset with ${stream.rstCode}`));
      close();
    });
    const { headers } = await within("the handshake", HANDSHAKE_TIMEOUT_MS, answer.promise);
    const fields = new Map(headers);
    const status = fields.get(":status");
    if (status !== "200") throw new Error(`refused: ${status}`);
    return { stream, extensions: fields.get("sec-websocket-extensions") ?? "", close };
  } catch (error) {
    close();
    throw error;
  }
}

function headOf(authority: string, path: string, offer: string): FieldPairs {
  const head: FieldPairs = [
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", "https"],
    [":authority", authority],
    [":path", path],
    ["sec-websocket-version", "13"],
  ];
  return offer === "" ? head : [...head, ["sec-websocket-extensions", offer]];
}
