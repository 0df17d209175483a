/** The client's side of permessage-deflate (RFC 7692), for the tester. */
import { createDeflateRaw, createInflateRaw, constants, type DeflateRaw, type InflateRaw } from "node:zlib";
import type { DeflateCase } from "./autobahn-cases.ts";

/** What ends every message, and is not sent (RFC 7692 section 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** An offer as Autobahn's client writes it: it can do everything that it may be asked for. */
export function offerText({
  requestNoContextTakeover,
  requestMaxWindowBits,
}: DeflateCase["offers"][number]): string {
  return [
    "permessage-deflate",
    "client_no_context_takeover",
    "client_max_window_bits",
    ...(requestNoContextTakeover ? ["server_no_context_takeover"] : []),
    ...(requestMaxWindowBits === 0 ? [] : [`server_max_window_bits=${requestMaxWindowBits}`]),
  ].join("; ");
}

export class PermessageDeflate {
  readonly #windowBits: number;
  readonly #keepsOwnContext: boolean;
  readonly #keepsPeerContext: boolean;
  #deflater: DeflateRaw | undefined;
  #inflater: InflateRaw | undefined;

  /** `agreed`: the value of the server's Sec-WebSocket-Extensions. */
  constructor(agreed: string) {
    this.#windowBits = Number(/client_max_window_bits=(\d+)/.exec(agreed)?.[1] ?? 15);
    this.#keepsOwnContext = !agreed.includes("client_no_context_takeover");
    this.#keepsPeerContext = !agreed.includes("server_no_context_takeover");
  }

  async compress(payload: Buffer): Promise<Buffer> {
    const deflater = this.#deflater ?? createDeflateRaw({ windowBits: this.#windowBits });
    this.#deflater = this.#keepsOwnContext ? deflater : undefined;
    const bytes = await through(deflater, payload);
    return bytes.subarray(0, bytes.length - TAIL.length);
  }

  async decompress(compressed: Buffer): Promise<Buffer> {
    const inflater = this.#inflater ?? createInflateRaw();
    this.#inflater = this.#keepsPeerContext ? inflater : undefined;
    return await through(inflater, Buffer.concat([compressed, TAIL]));
  }
}

async function through(codec: DeflateRaw | InflateRaw, input: Buffer): Promise<Buffer> {
  const output: Buffer[] = [];
  const collect = (bytes: Buffer): number => output.push(bytes);
  codec.on("data", collect);
  codec.write(input);
  await new Promise<void>((resolve) => {
    codec.flush(constants.Z_SYNC_FLUSH, resolve);
  });
  codec.off("data", collect);
  return Buffer.concat(output);
}
