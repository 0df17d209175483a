/** Picks a backend of a service for a request. One file per algorithm, one contract suite for all. */
import type { Backend } from "../upstream/backend.ts";

export interface Balancer {
  /** `null`: the service has no backend. Never allocates. */
  pick(): Backend | null;
}
