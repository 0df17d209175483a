/** Why the gateway ends a WebSocket connection, as the two ends are told and as it is counted. Feature row A12.4. */
import type { FaultCode } from "../../base/fault.ts";
import { CloseCode } from "../../wire/ws/close-code.ts";
import type { Refusal } from "../../wire/ws/frame-observer.ts";
import type { GLOBAL_SLOTS } from "../global-slots.ts";

export interface Goodbye {
  readonly code: CloseCode;
  /** In the Close frame, for people. */
  readonly reason: string;
  readonly fault: FaultCode;
  readonly counter: keyof typeof GLOBAL_SLOTS;
}

export const DRAINED: Goodbye = {
  code: CloseCode.goingAway,
  reason: "shutting down",
  fault: "drained",
  counter: "websocket_closed_drain_total",
};

export const IDLE: Goodbye = {
  code: CloseCode.goingAway,
  reason: "idle",
  fault: "tunnel_idle",
  counter: "websocket_closed_idle_total",
};

export const FRAME_TIMEOUT: Goodbye = {
  code: CloseCode.policyViolation,
  reason: "frame timeout",
  fault: "tunnel_frame_timeout",
  counter: "websocket_closed_frame_timeout_total",
};

/** By what the frame observer found. */
export const BROKEN_BY: Readonly<Record<Refusal, Goodbye>> = {
  protocol: {
    code: CloseCode.protocolError,
    reason: "protocol error",
    fault: "tunnel_protocol_error",
    counter: "websocket_closed_protocol_error_total",
  },
  size: {
    code: CloseCode.messageTooBig,
    reason: "message too big",
    fault: "tunnel_message_too_large",
    counter: "websocket_closed_message_size_total",
  },
  pings: {
    code: CloseCode.policyViolation,
    reason: "too many pings",
    fault: "tunnel_ping_flood",
    counter: "websocket_closed_ping_rate_total",
  },
};
