/**
 * What the bench asks of a proxy: to run with the same features as the others (access log to a file,
 * X-Forwarded-For, -Proto and -Host, a request id, two backends in turn, keep-alive to both sides), on
 * the same CPUs, with the same number of workers. Each proxy has a file that says how; the stage
 * starts them, `equal-work.ts` checks what they do.
 */
import type { Route } from "./routes.ts";

export interface ProxySetup {
  /** Where the proxy listens. */
  readonly host: string;
  readonly port: number;
  /** `host:port` of each backend. */
  readonly backends: readonly string[];
  /** CPUs that the proxy is pinned to. */
  readonly cpus: readonly number[];
  /** Worker processes, or threads of a proxy that has only those. */
  readonly workers: number;
  /** A directory of its own, for config and logs. */
  readonly dir: string;
  /** Client connections that it must be able to hold. */
  readonly maxConnections: number;
  /** Routes by host and path, all to the same backends; empty: everything goes to them. */
  readonly routes: readonly Route[];
  /** `all`: more fields in the access log, and the log of the process at its level of all peers' mistakes. */
  readonly logs: "access" | "all";
  /** Clients speak TLS, and HTTP/2 or HTTP/1.1 by ALPN; `null`: HTTP/1.1 without TLS. */
  readonly tls: TlsSetup | null;
  /** HTTP/3 is spoken too, with the same certificate and on the same port. */
  readonly quic: boolean;
}

/** Session tickets are on, TLS 1.2 and 1.3 are spoken. */
export interface TlsSetup {
  /** `ec`: P-256; `rsa`: 2048 bits. */
  readonly key: "ec" | "rsa";
  /** PEM files, and both in one, as HAProxy wants them. */
  readonly certPath: string;
  readonly keyPath: string;
  readonly bothPath: string;
}

export interface RunningProxy {
  /** What its program and, where there is a choice, its parts are. */
  readonly version: string;
  /** Grows with each request. */
  readonly accessLog: string;
  /** All its processes; CPU time and memory are summed over them. */
  pids(): readonly number[];
  stop(): Promise<void>;
}

/** A proxy that can take part. */
export interface ProxyKind {
  /** Its row in the tables. */
  readonly name: string;
  /** HTTP/3 is not in this build of it. */
  readonly lacksQuic?: boolean;
  /** The version as the program prints it; undefined when it is not installed. */
  version(): string | undefined;
  start(setup: ProxySetup): Promise<RunningProxy>;
}

/**
 * Connections to backends that are kept idle, in each proxy: more than any scenario has requests at
 * once, so that none opens new ones under load.
 */
export const IDLE_TO_BACKENDS = 1024;

/** Idle connections stay open longer than any scenario takes. */
export const IDLE_SECONDS = 3600;

/** Descriptors for the connections to backends, logs and listeners. */
const OTHER_DESCRIPTORS = 2500;

/** Descriptors that a proxy may need. */
export function descriptorsFor({ maxConnections }: ProxySetup): number {
  return maxConnections + OTHER_DESCRIPTORS;
}
