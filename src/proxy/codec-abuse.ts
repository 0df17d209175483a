/** Which counter tells of an overdrawn abuse budget of HTTP/2 or HTTP/3, whether a client's or a backend's. Feature row A18.8. */
import type { BudgetKind } from "../wire/multiplexed/abuse-budget.ts";
import { GLOBAL_SLOTS } from "./global-slots.ts";

const SLOTS: Readonly<Record<BudgetKind, number>> = {
  resets: GLOBAL_SLOTS.security_rapid_reset_tripped_total,
  continuations: GLOBAL_SLOTS.security_continuation_flood_tripped_total,
  header_block: GLOBAL_SLOTS.security_hpack_bomb_tripped_total,
  settings: GLOBAL_SLOTS.security_settings_flood_tripped_total,
  ping: GLOBAL_SLOTS.security_ping_flood_tripped_total,
  empty_frames: GLOBAL_SLOTS.security_empty_frames_tripped_total,
  closed_streams: GLOBAL_SLOTS.security_closed_streams_tripped_total,
  priority: GLOBAL_SLOTS.security_priority_flood_tripped_total,
  window_updates: GLOBAL_SLOTS.security_window_update_dribble_tripped_total,
  unread_control: GLOBAL_SLOTS.security_unread_control_frames_tripped_total,
};

export function countAbuse(counters: Float64Array, budget: BudgetKind): void {
  (counters[SLOTS[budget]] as number) += 1;
}
