/**
 * The case that h2spec's release has not: "Sends a literal header field representation with invalid
 * index" (hpack/2.3.3/2, RFC 7541 section 2.3.3), by a client that is only bytes.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { HOST } from "../../test/support/addresses.ts";
import type { CaseResult } from "../h1/gateway-probe.ts";

const TIMEOUT_MS = 5000;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const FRAME_HEADER_BYTES = 9;
const HEADERS = 1;
const GOAWAY = 7;
const COMPRESSION_ERROR = 9;
const END_STREAM_AND_HEADERS = 0x05;

/** `GET`, `http`, `/`, then a literal with incremental indexing whose name has index 70: nothing is there. */
const BLOCK = Buffer.from([0x82, 0x86, 0x84, 0x7f, 0x07, 0x01, 0x78]);

export async function playInvalidIndex(port: number, secure: boolean): Promise<CaseResult> {
  const socket = await open(port, secure);
  const received: Buffer[] = [];
  socket.on("data", (part: Buffer) => received.push(part));
  socket.on("error", () => {});
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  const head = Buffer.alloc(FRAME_HEADER_BYTES);
  head.writeUIntBE(BLOCK.length, 0, 3);
  head[3] = HEADERS;
  head[4] = END_STREAM_AND_HEADERS;
  head.writeUInt32BE(1, 5);
  socket.write(Buffer.concat([PREFACE, EMPTY_SETTINGS, head, BLOCK]));
  await once(socket, "close");
  return { id: "hpack/2.3.3/2", problem: judge(Buffer.concat(received)) };
}

async function open(port: number, secure: boolean): Promise<Socket> {
  if (!secure) {
    const plain = connect(port, HOST);
    await once(plain, "connect");
    return plain;
  }
  const socket = connectTls({ port, host: HOST, ALPNProtocols: ["h2"], rejectUnauthorized: false });
  await once(socket, "secureConnect");
  return socket;
}

function judge(bytes: Buffer): string | undefined {
  for (let at = 0; at + FRAME_HEADER_BYTES <= bytes.length;) {
    const length = bytes.readUIntBE(at, 3);
    const payload = at + FRAME_HEADER_BYTES;
    if (bytes[at + 3] === GOAWAY) {
      const code = bytes.readUInt32BE(payload + 4);
      return code === COMPRESSION_ERROR ? undefined : `GOAWAY with error code ${code}`;
    }
    at = payload + length;
  }
  return "the connection ended without GOAWAY";
}
