/** What adapters need of the listener whose connections they serve, over TCP and over QUIC alike. */
import type { StreamPool } from "../downstream/stream-pool.ts";
import type { RouteRequest } from "../router/route-input.ts";
import type { ListenerCurrent } from "./listener-current.ts";

export interface ServingListener {
  /** What the router looks at; used anew for each request. */
  readonly view: RouteRequest;
  /** For the requests of connections that carry many. */
  readonly streams: StreamPool;
  /** A reload swaps it. */
  readonly current: ListenerCurrent;
}
