/**
 * A client and a server of raw QUIC with the gateway's relay between them, and the pair of connections that a
 * case plays on. Cases on one server follow each other, so the next connection that comes to it is the case's.
 */
import { waitFor } from "../../test/support/wait-for.ts";
import type { RawConnection, RawPeer } from "../peers/raw-peer.ts";
import type { RawStream } from "../peers/raw-stream.ts";

/** What servers speak; neither is anybody's. */
export const PROTOCOLS = ["echo/1", "echo/2"] as const;

/** Ways through the gateway to a server: ports of its listeners. */
export interface RawWays {
  readonly one: number;
  /** To all of `SEVERAL` ports of the server in turn. */
  readonly several: number;
  /** Wants a name that the server's certificate has not. */
  readonly misnamed: number;
  /** To a server that reads nothing. */
  readonly stalled: number;
}

export interface RawCell {
  readonly client: RawPeer;
  readonly server: RawPeer;
  readonly ways: RawWays;
}

export interface RawPair {
  readonly client: RawConnection;
  readonly server: RawConnection;
}

export interface PairOptions {
  readonly port?: number;
  readonly alpn?: readonly string[];
  /** Of the server; default: echoes. */
  readonly serve?: (connection: RawConnection) => void;
}

/** Both ends, as soon as the server has heard of its one. */
export async function pairOf(cell: RawCell, options: PairOptions = {}): Promise<RawPair> {
  const { port = cell.ways.one, alpn = [PROTOCOLS[0]], serve = echo } = options;
  const arrived = Promise.withResolvers<RawConnection>();
  cell.server.onConnection = (connection) => {
    serve(connection);
    arrived.resolve(connection);
  };
  const client = await cell.client.connect(port, alpn);
  if (client.closed !== undefined) throw new Error(`closed at once: ${JSON.stringify(client.closed)}`);
  return { client, server: await arrived.promise };
}

/** Sends back what comes: on the stream itself, or on one to the other side. */
export function echo(connection: RawConnection): void {
  connection.onDatagram = (bytes) => connection.sendDatagram(bytes);
  connection.onStream = (stream) => {
    const back = isUnidirectional(stream) ? connection.open(false) : stream;
    stream.onData = (bytes) => back.write(bytes);
    stream.onEnd = () => back.end();
  };
}

export function isUnidirectional({ id }: RawStream): boolean {
  return (id & 2) !== 0;
}

/** The stream that the other side has opened as its `index`th. */
export async function acceptedOf(connection: RawConnection, index = 0): Promise<RawStream> {
  return await waitFor(`stream ${index}`, () => connection.accepted[index], { everyMs: 1 });
}

export async function ended(stream: RawStream, timeoutMs = 5000): Promise<void> {
  const context = (): string =>
    `stream ${stream.id}: ${stream.octets} octets, reset by ${stream.resetCode}, stopped by ${stream.stoppedCode}`;
  await waitFor("the end of a stream", () => stream.ended, { everyMs: 1, timeoutMs, context });
}
