/** `[listeners.quic]`: which keys need or exclude each other. Feature rows A10.1, A10.7, A10.8. */
import type { ListenerConfig, ListenerQuicConfig } from "../gateway-config.ts";
import type { ConfigPath } from "../issue.ts";
import { http3Fields } from "../schema/listener-quic-http3.ts";
import type { CheckContext } from "./check-context.ts";

type RawProxy = NonNullable<ListenerQuicConfig["raw_proxy"]>;

export function checkQuic(context: CheckContext, listener: ListenerConfig, path: ConfigPath): void {
  const { quic } = listener;
  const inner: ConfigPath = [...path, "quic"];
  if (quic === undefined || context.issues.isBad(inner)) return;
  warnOfLimits(context, quic, inner);
  if (quic.raw_proxy === undefined) {
    warnOfWindows(context, quic, inner);
    warnOfTables(context, quic, inner);
    warnOfMigration(context, quic, inner);
    return;
  }
  if (context.issues.isBad([...inner, "raw_proxy"])) return;
  refuseHttp(context, path);
  refuseEarlyData(context, quic, inner);
  checkTargets(context, quic.raw_proxy, [...inner, "raw_proxy"]);
}

function warnOfLimits({ issues }: CheckContext, quic: ListenerQuicConfig, path: ConfigPath): void {
  const { retry, retry_half_open_threshold: threshold, max_half_open: most } = quic;
  if (retry === "always" || threshold < most) return;
  const message = `retry_half_open_threshold is ${threshold}, and clients beyond max_half_open, which is ${most}, are refused: Retry never begins`;
  issues.warn([...path, "retry_half_open_threshold"], message);
}

function warnOfWindows({ issues }: CheckContext, quic: ListenerQuicConfig, path: ConfigPath): void {
  const { initial_stream_window_size: stream, initial_connection_window_size: all } = quic;
  if (stream <= all) return;
  const message = `initial_stream_window_size is ${stream}, more than initial_connection_window_size, which is ${all}`;
  issues.warn([...path, "initial_stream_window_size"], message, { hint: "one stream never gets that far" });
}

function warnOfTables(context: CheckContext, quic: ListenerQuicConfig, path: ConfigPath): void {
  if (quic.qpack_blocked_streams === 0 || quic.qpack_max_table_capacity > 0) return;
  const message = "no stream waits for a dynamic table that is not there";
  context.issues.warn([...path, "qpack_blocked_streams"], message, {
    hint: "with qpack_max_table_capacity above 0",
  });
}

/** New addresses are proved by acknowledgements: see docs/SECURITY.md. */
function warnOfMigration({ issues }: CheckContext, quic: ListenerQuicConfig, path: ConfigPath): void {
  if (!quic.active_migration) return;
  const message =
    "with active_migration a client that can forge its address can have its downloads sent to others";
  issues.warn([...path, "active_migration"], message, { hint: "for networks whose clients are trusted" });
}

/** Blocks of a listener that are about requests. */
const HTTP_BLOCKS = ["http", "websocket", "grpc"] as const;

function refuseHttp(context: CheckContext, path: ConfigPath): void {
  const keys: ConfigPath[] = [
    ...HTTP_BLOCKS.map((key) => [key]),
    ...Object.keys(http3Fields).map((key) => ["quic", key]),
  ];
  for (const key of keys) {
    const inner = [...path, ...key];
    if (!context.given(inner)) continue;
    const message = `"${String(key.at(-1))}" is about HTTP/3, which a listener with [listeners.quic.raw_proxy] does not speak`;
    context.issues.error(inner, message, { at: "key" });
  }
}

/** Nobody knows which streams of an unknown protocol may be repeated. */
function refuseEarlyData(context: CheckContext, quic: ListenerQuicConfig, path: ConfigPath): void {
  if (!quic.early_data) return;
  const message =
    "early_data cannot be relayed: it can be replayed, and what the streams of a raw proxy do is not known";
  context.issues.error([...path, "early_data"], message);
}

/** One way to name backends, and one only. */
function checkTargets(context: CheckContext, raw: RawProxy, path: ConfigPath): void {
  const { issues } = context;
  if (context.given([...path.slice(0, 2), "backends"])) {
    const message = "[listeners.quic.raw_proxy] and [[listeners.backends]] exclude each other";
    issues.error(path, message, { at: "key", hint: "a raw proxy has several in its own list, backends" });
  }
  const hasOne = context.given([...path, "backend_addr"]);
  const hasList = context.given([...path, "backends"]);
  if (hasOne && hasList) {
    issues.error([...path, "backends"], '"backend_addr" and "backends" exclude each other', { at: "key" });
  } else if (!hasOne && !hasList) {
    const hint = 'as in backend_addr = "10.0.0.10:4443"';
    issues.error(path, '"backend_addr" is missing in [listeners.quic.raw_proxy]', { hint });
  }
  warnOfDoubles(context, raw, path);
}

function warnOfDoubles(context: CheckContext, { backends = [] }: RawProxy, path: ConfigPath): void {
  for (const [index, address] of backends.entries()) {
    if (backends.indexOf(address) === index) continue;
    context.issues.warn([...path, "backends", index], `backend "${address}" is listed twice`);
  }
}
