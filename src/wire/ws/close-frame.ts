/** Writes Close frames (RFC 6455 section 5.5.1), the only frames that the gateway sends of itself. */
import { assert } from "../../base/assert.ts";
import { CONTROL_BIT, Opcode } from "./opcode.ts";
import type { CloseCode } from "./close-code.ts";
import { MASK_BIT, MASK_BYTES, MAX_CONTROL_BYTES } from "./frame-header.ts";

const FIN = 0x80;
const CODE_BYTES = 2;

/**
 * A whole frame. `reason`: ASCII, at most 123 characters. `mask`: any 32 bits, for a frame to a server
 * (RFC 6455 section 5.3); `null` for one to a client.
 */
export function closeFrame(code: CloseCode, reason: string, mask: number | null): Buffer {
  const length = CODE_BYTES + reason.length;
  assert(length <= MAX_CONTROL_BYTES, "the reason of a Close frame is too long");
  const payloadStart = 2 + (mask === null ? 0 : MASK_BYTES);
  const frame = Buffer.alloc(payloadStart + length);
  frame[0] = FIN | CONTROL_BIT | Opcode.close;
  frame[1] = length;
  frame.writeUInt16BE(code, payloadStart);
  frame.latin1Write(reason, payloadStart + CODE_BYTES);
  if (mask !== null) {
    frame[1] = length | MASK_BIT;
    frame.writeUInt32BE(mask >>> 0, 2);
    applyMask(frame, payloadStart);
  }
  return frame;
}

/** RFC 6455 section 5.3. */
function applyMask(frame: Buffer, payloadStart: number): void {
  for (let i = payloadStart; i < frame.length; i++) {
    const key = frame[payloadStart - MASK_BYTES + ((i - payloadStart) % MASK_BYTES)] as number;
    frame[i] = (frame[i] as number) ^ key;
  }
}
