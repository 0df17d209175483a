/** Opcodes of frames, RFC 6455 section 5.2. What is not named here is reserved, for extensions. */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** Control frames have this bit, reserved ones included; they may stand between the frames of a message. */
export const CONTROL_BIT = 0x8;
