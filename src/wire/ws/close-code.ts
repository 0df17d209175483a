/** Status codes of Close frames that the gateway sends, RFC 6455 section 7.4.1. */
export const CloseCode = {
  goingAway: 1001,
  protocolError: 1002,
  policyViolation: 1008,
  messageTooBig: 1009,
} as const;
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];
