/** What all QUIC endpoints of a worker share. Made once by the data plane; there is no module-level state. */
import type { Clock } from "../../base/clock.ts";
import type { TimerWheel } from "../../base/timer-wheel.ts";
import type { QuicEngine } from "../../fastpath/quic-engine.ts";
import type { QuicCounters } from "./quic-counters.ts";
import type { QuicPump } from "./quic-pump.ts";

/** One read of a stream, or one datagram: what the arena of a worker holds. */
export const READ_ARENA_BYTES = 65_536;

export interface QuicEnvironment {
  readonly engine: QuicEngine;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly counters: QuicCounters;
  readonly pump: QuicPump;
  /** `READ_ARENA_BYTES` that every stream of the worker is read into; its contents last for one call of an owner. */
  readonly arena: Buffer;
  /** The worker's place among the workers, 0 to 255, which its connection IDs carry. */
  readonly worker: number;
  /** 32 octets, the same in all workers: stateless reset tokens are made with it. */
  readonly resetKey: Uint8Array;
}
