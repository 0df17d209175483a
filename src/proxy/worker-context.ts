/**
 * What one worker has exactly one of: the transport, the clock, the wheel, the counters and the
 * logs. Made once by the data plane and handed down; there is no module-level state.
 */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { RandomHex } from "../base/random-hex.ts";
import type { TimerWheel } from "../base/timer-wheel.ts";
import type { Transport } from "../fastpath/transport.ts";
import type { AccessLog } from "./finish/access-log.ts";
import type { QuicClients } from "./quic/quic-clients.ts";
import type { Stripe } from "./state/stripe.ts";

export interface WorkerContext {
  readonly transport: Transport;
  readonly wheel: TimerWheel;
  readonly stripe: Stripe;
  /** `stripe.counters`, at hand for the hot path. */
  readonly counters: Float64Array;
  readonly accessLog: AccessLog;
  readonly log: Log;
  readonly random: RandomHex;
  readonly clock: Clock;
  readonly quic: QuicClients;
  /** A random number from 0 up to 1, for sampling and jitter. */
  chance(): number;
}
