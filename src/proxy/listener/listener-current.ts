/** What a generation means to one listener: its plan, its router, its limits and the sessions that follow them. */
import { DEFAULT_H1_LIMITS } from "../../wire/h1/h1-limits.ts";
import { SessionPool } from "../downstream/session-pool.ts";
import { HostProfiles } from "../exchange/host-profile.ts";
import type { Generation, ListenerRuntime } from "../generation.ts";

export interface ListenerCurrent {
  readonly generation: Generation;
  readonly runtime: ListenerRuntime;
  readonly sessions: SessionPool;
  readonly hosts: HostProfiles;
  /** From the first byte of a request to the end of its head. */
  readonly headDeadlineMs: number;
}

export function listenerCurrent(generation: Generation, runtime: ListenerRuntime): ListenerCurrent {
  const { http } = runtime.plan;
  const { runtime: limits, security } = generation.plan;
  const sessions = new SessionPool(
    {
      maxHeaderBytes: http.maxHeaderBytes,
      maxHeaders: http.maxHeaders,
      maxTrailerBytes: DEFAULT_H1_LIMITS.maxTrailerBytes,
      maxChunkLineBytes: DEFAULT_H1_LIMITS.maxChunkLineBytes,
      maxChunkOverheadBytes: DEFAULT_H1_LIMITS.maxChunkOverheadBytes,
    },
    {
      headerUnderscorePolicy: limits.headerUnderscorePolicy,
      strictTe: security.strictTe,
      scheme: runtime.tls === null && runtime.quic === null ? "http" : "https",
    },
  );
  return {
    generation,
    runtime,
    sessions,
    hosts: new HostProfiles(),
    headDeadlineMs: Math.min(http.headerTimeoutMs, limits.headerDeadlineMs),
  };
}
