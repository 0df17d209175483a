/** `[runtime]`, `[runtime.tls]`, `[runtime.watchdog]`. Feature rows A2.11, A2.12, A2.15, A6.4, A8.5, A8.6, A16.6, A20.12, A20.16, A21.1. */
import { MAX_WORKERS } from "../../../base/limits.ts";
import { boolean, duration, integer, oneOf, string, table } from "../define.ts";
import { byPattern } from "../format.ts";

const interfaceName = byPattern(
  "interface name",
  "^[^\\s/]{1,15}$",
  "the name of an interface has 1 to 15 characters, without '/' and spaces",
);

const runtimeTlsSchema = table({
  doc: "TLS of the whole process.",
  fields: {
    tls13_only: boolean({
      default: false,
      doc: "TLS 1.3 only, on every listener.",
      example: "true",
    }),
    watch: boolean({
      default: false,
      doc: "Reads certificates again when one of their files changes, those of backends, and those and the Retry secrets of `[listeners.quic]` included. `[listeners.tls].watch` says otherwise for the files of one listener.",
      example: "true",
    }),
  },
});

const watchdogSchema = table({
  doc: "Ends requests that are sent too slowly, so that slow clients cannot fill the gateway.",
  fields: {
    header_deadline_ms: duration({
      unit: "ms",
      min: 100,
      max: 60_000,
      default: 5000,
      doc: "A request head that is not complete by then gets 408. The shorter of this and a listener's `header_timeout_ms` counts.",
      example: "3000",
    }),
    body_progress_min_bps: integer({
      min: 1,
      max: 10_000_000,
      default: 64,
      zeroMeans: "off",
      unit: "bytes per second",
      doc: "A request body whose average pace is below gets 408, once the longer of `body_timeout_ms` and `header_deadline_ms` has passed since the gateway began to wait for it. Counted in `body_progress_stalls_total`.",
      note: "0 removes the bound: a client may then send one byte now and then, up to `total_timeout_ms`.",
      example: "256",
    }),
    sweep_interval_ms: duration({
      unit: "ms",
      min: 100,
      max: 60_000,
      default: 1000,
      doc: "Time between two looks at the pace of a body.",
      example: "500",
    }),
  },
});

const processes = {
  workers: integer({
    min: 1,
    max: MAX_WORKERS,
    zeroMeans: "in the main process",
    defaultText: "the number of CPUs",
    doc: "Worker processes. Each serves every listener; a crash costs only the connections of its own.",
    note: "0 serves in the main process, without that isolation: for embedding and debugging.",
    example: "4",
  }),
  transport: oneOf({
    values: ["auto", "net", "epoll", "io_uring"],
    default: "auto",
    doc: "How bytes are moved: `net` is Node's own sockets, `epoll` and `io_uring` are the native addon's. `auto` takes `epoll`, or `net` where the addon is missing, and logs the reason. One that is named here and cannot run is refused, at `check` too. `auto` does not take `io_uring`, which many kernels and containers block. A reload does not change the transport.",
    example: '"net"',
  }),
} as const;

const connections = {
  max_inflight_connections: integer({
    min: 100,
    max: 2_000_000,
    default: 65_536,
    doc: "Connections of one listener at once, over all workers. Over it HTTP listeners answer 503, QUIC refuses, others close.",
    example: "10000",
  }),
  per_ip_connection_cap: integer({
    min: 1,
    max: 2_000_000,
    default: 1024,
    doc: "Connections of one source address at once, over all listeners and workers. One more is reset.",
    example: "100",
  }),
  connect_timeout_ms: duration({
    unit: "ms",
    min: 100,
    max: 60_000,
    default: 5000,
    doc: "Time to connect to a backend, with the handshake where it is QUIC. Then 504.",
    example: "2000",
  }),
  handshake_timeout_ms: duration({
    unit: "ms",
    min: 100,
    max: 60_000,
    default: 5000,
    doc: "Time for a client's TLS handshake, that of QUIC included; then the connection is reset, and one of QUIC forgotten.",
    example: "3000",
  }),
  tcp_buffer_bytes: integer({
    min: 4096,
    max: 1_073_741_824,
    default: 0,
    zeroMeans: "the kernel sizes them",
    unit: "bytes",
    doc: "Receive buffer and send buffer of each TCP connection with a client. The kernel's own sizes follow the connection's bandwidth and delay, within `net.ipv4.tcp_rmem` and `tcp_wmem`; a fixed size bounds what one connection can take of the kernel's memory, and its throughput to that size per round trip. Takes a restart.",
    example: "262144",
  }),
  max_keepalive_requests: integer({
    min: 1,
    max: 10_000_000,
    default: 100,
    zeroMeans: "no limit",
    doc: "Requests of one HTTP/1.1 or HTTP/2 connection; the last response closes it.",
    note: "0 never closes a connection for its age: clients stay on the worker that they first met.",
    example: "1000",
  }),
  max_requests_per_h3_connection: integer({
    min: 1,
    max: 10_000_000,
    default: 1000,
    zeroMeans: "no limit",
    doc: "Requests of one HTTP/3 connection; then GOAWAY, and it ends when they are answered.",
    note: "0 lets the state of finished streams grow as long as the connection lives: for trusted clients only.",
    example: "10000",
  }),
  header_underscore_policy: oneOf({
    values: ["reject", "drop", "allow"],
    default: "reject",
    doc: "What happens to request fields with `_` in their name: `reject` answers 400, `drop` leaves them out, `allow` passes them on. `[security].strict_te` forces `reject`.",
    note: "Many backends take `_` for `-`: with `allow` a client can send a field twice under two spellings.",
    example: '"drop"',
  }),
} as const;

const draining = {
  drain_timeout_ms: duration({
    unit: "ms",
    min: 100,
    max: 300_000,
    default: 10_000,
    doc: "Time that connections have to finish when the gateway stops; then they are closed and counted.",
    example: "30000",
  }),
  readiness_settle_ms: duration({
    unit: "ms",
    min: 0,
    max: 30_000,
    default: 11_000,
    doc: "Time between the moment when `/readyz` answers 503 and the moment when listeners close, so that whoever is in front stops sending first.",
    note: "0 closes at once: requests that are on their way are refused.",
    example: "5000",
  }),
  drain_jitter_ms: duration({
    unit: "ms",
    min: 0,
    max: 300_000,
    defaultText: "a quarter of `drain_timeout_ms`",
    doc: "Connections are told to finish at random moments within this time. At most `drain_timeout_ms`.",
    note: "0 tells all of them at once.",
    example: "1000",
  }),
} as const;

const xdp = {
  xdp_enabled: boolean({
    default: false,
    doc: "Forwards packets in the kernel, by XDP. Needs `xdp_interface`.",
    example: "true",
  }),
  xdp_interface: string({
    format: interfaceName,
    doc: "Network interface that XDP is attached to. Required with `xdp_enabled`.",
    example: '"eth0"',
  }),
  xdp_mode: oneOf({
    values: ["auto", "native", "skb", "hw"],
    default: "auto",
    doc: "How XDP is attached: in the driver (`native`), in the kernel's generic path (`skb`), in the card (`hw`); `auto` tries `native`, then `skb`.",
    example: '"skb"',
  }),
  xdp_new_flow_cap_per_sec_per_cpu: integer({
    min: 1000,
    max: 10_000_000,
    default: 125_000,
    zeroMeans: "off",
    unit: "flows per second",
    doc: "New flows that each CPU lets in per second.",
    note: "0 turns the defence against SYN floods off.",
    example: "50000",
  }),
} as const;

export const runtimeSchema = table({
  doc: "The process as a whole.",
  renamed: {
    threads: 'did you mean "workers"?',
    log_level: "the log level is the environment variable LB_LOG",
  },
  fields: {
    ...processes,
    ...connections,
    ...draining,
    ...xdp,
    tls: runtimeTlsSchema,
    watchdog: watchdogSchema,
  },
});
