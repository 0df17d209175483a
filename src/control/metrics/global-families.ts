/**
 * The families of a worker as a whole: one series each, at the fixed slots of `GLOBAL_SLOTS`. The
 * compiler checks that every slot has its row here. Feature rows A18.1, A18.4, A18.5, A18.7, A18.8.
 */
import { GLOBAL_SLOTS } from "../../proxy/global-slots.ts";
import type { Family } from "./family.ts";
import type { GlobalRow } from "./global-row.ts";
import { ABUSE_ROWS, GRPC_ROWS, H2_ROWS, TLS_ROWS, TUNNEL_ROWS } from "./protocol-rows.ts";
import { H3_ROWS, QUIC_RELAY_ROWS, QUIC_ROWS } from "./quic-rows.ts";

const ROWS: Record<keyof typeof GLOBAL_SLOTS, GlobalRow> = {
  connections_total: { kind: "counter", help: "Client connections that were accepted." },
  bytes_client_to_backend: { kind: "counter", help: "Bytes of request bodies sent to backends." },
  bytes_backend_to_client: { kind: "counter", help: "Bytes of response bodies received from backends." },
  accept_reject_total: {
    kind: "counter",
    help: "Client connections that were reset because their address was at runtime.per_ip_connection_cap.",
  },
  backend_connect_timeout_total: {
    kind: "counter",
    help: "Connections to backends that were given up after runtime.connect_timeout_ms.",
  },
  pool_acquires_total: { kind: "counter", help: "Requests that asked a pool for a connection." },
  pool_reuses_total: { kind: "counter", help: "Requests that a pool gave an idle connection to." },
  pool_probe_failures_total: {
    kind: "counter",
    help: "Idle connections that were found closed, or with unexpected bytes, when they were to be reused.",
  },
  pool_idle_gauge: { kind: "gauge", help: "Idle connections in the pools." },
  shutdown_aborted_connections_total: {
    kind: "counter",
    help: "Client connections that were cut because the drain budget was used up.",
  },
  access_log_lines_total: { kind: "counter", help: "Lines of the access log." },
  access_log_dropped_total: {
    kind: "counter",
    help: "Lines of the access log that were lost because its destination did not keep up.",
  },
  security_slowloris_reaped_total: {
    kind: "counter",
    help: "Requests that were refused because their head took too long.",
  },
  upstream_retries_total: { kind: "counter", help: "Requests that were sent again after a failed try." },
  connections_per_ip_uncounted_total: {
    kind: "counter",
    help: "Client connections that were admitted without counting against their address: its place in the table was full.",
  },
  body_progress_stalls_total: {
    kind: "counter",
    help: "Transfers that were ended because a body made too little progress.",
  },
  ...TLS_ROWS,
  ...H2_ROWS,
  ...ABUSE_ROWS,
  ...TUNNEL_ROWS,
  ...GRPC_ROWS,
  ...QUIC_ROWS,
  ...QUIC_RELAY_ROWS,
  ...H3_ROWS,
};

export interface GlobalFamily extends Family {
  readonly kind: "counter" | "gauge";
  readonly slot: number;
}

export const GLOBAL_FAMILIES: readonly GlobalFamily[] = Object.entries(ROWS).map(([name, row]) => ({
  name,
  kind: row.kind,
  help: row.help,
  labels: [],
  slot: GLOBAL_SLOTS[name as keyof typeof GLOBAL_SLOTS],
}));
