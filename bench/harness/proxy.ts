/**
 * What the bench asks of a proxy: to run with the same features as the others (access log to a file,
 * X-Forwarded-For, -Proto and -Host, a request id, two backends in turn, keep-alive to both sides),
 * on one CPU, with one worker. Each proxy has a file that says how.
 */

export interface ProxySetup {
  /** Where the proxy listens. */
  readonly host: string;
  readonly port: number;
  /** `host:port` of each backend. */
  readonly backends: readonly string[];
  /** CPU that the proxy is pinned to. */
  readonly cpu: number;
  /** A directory of its own, for config and logs. */
  readonly dir: string;
  /** File descriptors that it may need. */
  readonly maxConnections: number;
}

export interface RunningProxy {
  readonly name: string;
  readonly version: string;
  /** All its processes; CPU time and memory are summed over them. */
  pids(): readonly number[];
  stop(): Promise<void>;
}

export interface ProxyKind {
  readonly name: string;
  /** The version as the program prints it; undefined when it is not installed. */
  version(): string | undefined;
  start(setup: ProxySetup): Promise<RunningProxy>;
}
