/** What cases share: a connection for one exchange, and bodies to send. */
import { randomBytes } from "node:crypto";
import { waitFor } from "../../../test/support/wait-for.ts";
import type { Ask, Call } from "../call.ts";
import type { Cell } from "../cells.ts";
import { type Client, connectTo } from "../client.ts";
import type { Seen } from "../seen.ts";

/** As many octets as end neither with a frame nor with a read of a socket. */
export const BODY = randomBytes(123_457);

/** Does the work with a client of its own. */
export async function withClient(cell: Cell, work: (client: Client) => Promise<void>): Promise<void> {
  const client = await connectTo(cell);
  try {
    await work(client);
  } finally {
    client.close();
  }
}

/** The whole exchange, with `body` as what is sent. */
export async function exchange(client: Client, ask: Ask, body?: Buffer): Promise<Call> {
  const call = client.open({ ...ask, body: body !== undefined });
  if (body !== undefined) writeInParts(call, body);
  return await call.over();
}

/** Two parts and the end, so that a streamed body is more than one chunk or frame. */
export function writeInParts(call: Call, body: Buffer): void {
  const half = body.length >> 1;
  call.write(body.subarray(0, half));
  call.end(body.subarray(half));
}

/** The newest request for the path, once its exchange is over at the backend. */
export async function ended(cell: Cell, path: string): Promise<Seen> {
  return await waitFor(`the backend to be done with ${path}`, () => {
    const seen = cell.origin.last(path);
    return seen !== undefined && seen.end !== "open" && seen;
  });
}

/** The request for the path has reached the backend. */
export async function arrived(cell: Cell, path: string): Promise<Seen> {
  return await waitFor(`${path} at the backend`, () => cell.origin.last(path));
}
