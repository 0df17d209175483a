/**
 * Plays one case of compressed messages (permessage-deflate, RFC 7692): each comes back as it was sent.
 * The gateway has no part in it but to leave everything as it is: the offer, the answer, reserved bits.
 */
import { closePayload } from "../../test/support/ws-frames.ts";
import type { DeflateCase } from "./autobahn-cases.ts";
import { FrameChannel } from "../../test/support/frame-channel.ts";
import { offerText, PermessageDeflate } from "./permessage-deflate.ts";
import { payloads } from "./deflate-payloads.ts";
import type { StreamOpener } from "../../test/support/websocket-stream.ts";

/** Messages of a case go up to its count, or to so many octets: more of the same is a matter of benchmarks. */
const MAX_CASE_BYTES = 1024 * 1024;

const COMPRESSED = 4;
const TIMEOUT_MS = 10_000;
const NORMAL = 1000;

export interface DeflateMeans {
  readonly open: StreamOpener;
  readonly maxCount: number;
}

/** What failed; undefined when the case passed. Of its messages `maxCount` are sent at most. */
export async function playDeflate(
  testCase: DeflateCase,
  port: number,
  { open, maxCount }: DeflateMeans,
): Promise<string | undefined> {
  const { stream, extensions } = await open(port, testCase.offers.map(offerText).join(", "));
  if (extensions === "") return "the extension was not agreed on";
  const channel = new FrameChannel(stream);
  try {
    const count = Math.min(maxCount, testCase.count);
    return await exchange({ ...testCase, count }, channel, new PermessageDeflate(extensions));
  } finally {
    channel.drop();
  }
}

async function exchange(
  testCase: DeflateCase,
  channel: FrameChannel,
  deflate: PermessageDeflate,
): Promise<string | undefined> {
  const count = Math.max(4, Math.min(testCase.count, Math.floor(MAX_CASE_BYTES / testCase.messageBytes)));
  const source = payloads(testCase.data, testCase.messageBytes);
  const { opcode } = source;
  const received: { payload: Buffer; binary: boolean; rsv: number }[] = [];
  channel.onEvent = (event) => {
    if (event.kind === "message") received.push(event);
  };
  for (let i = 0; i < count; i++) {
    const payload = source.next();
    send(channel, opcode, await deflate.compress(payload), testCase.fragmentBytes);
    await channel.until(() => received.length > i, TIMEOUT_MS);
    const echo = received[i];
    if (echo === undefined) return `no message ${i}; Close ${channel.remoteCode ?? "without code"}`;
    const plain = echo.rsv === COMPRESSED ? await deflate.decompress(echo.payload) : echo.payload;
    if (!plain.equals(payload) || echo.binary !== (opcode === 2)) return `message ${i} came back as another`;
  }
  channel.close(closePayload(NORMAL));
  if (!(await channel.over(TIMEOUT_MS))) return "the server does not end the connection";
  return channel.clean && channel.remoteCode === NORMAL ? channel.violation : "not a clean end";
}

function send(channel: FrameChannel, opcode: number, compressed: Buffer, fragmentBytes: number): void {
  const size = fragmentBytes === 0 ? Infinity : fragmentBytes;
  let start = 0;
  do {
    const end = Math.min(compressed.length, start + size);
    const first = start === 0;
    channel.send({
      opcode: first ? opcode : 0,
      rsv: first ? COMPRESSED : 0,
      fin: end === compressed.length,
      payload: compressed.subarray(start, end),
    });
    start = end;
  } while (start < compressed.length);
}
