/** A cleanup scope that ends with the test file, for a gateway that all tests of the file share. */
import { after } from "node:test";
import { freePort } from "./addresses.ts";
import { Gateway, type CleanupScope, type GatewayOptions } from "./gateway.ts";
import { h1Listener, type GatewayConfig } from "./gateway-config.ts";
import { RawClient, type ConnectOptions } from "./raw-client.ts";
import { RecordingBackend, type BackendOptions } from "./recording-backend.ts";

/** Call at the top level of a test file. Cleanups run last first. */
export function suiteScope(): CleanupScope {
  const cleanups: (() => Promise<void>)[] = [];
  after(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  });
  return { after: (cleanup) => cleanups.push(cleanup) };
}

/** Starts a backend that is stopped when the scope ends. */
export async function startBackend(
  scope: CleanupScope,
  options: BackendOptions = {},
): Promise<RecordingBackend> {
  const backend = await RecordingBackend.start(options);
  scope.after(() => backend.stop());
  return backend;
}

/** One gateway with one listener before one backend. */
export interface Proxied {
  readonly gateway: Gateway;
  readonly backend: RecordingBackend;
  readonly port: number;
  /** The config that it was started with, to change for a reload. */
  readonly config: GatewayConfig;
  connect(options?: ConnectOptions): Promise<RawClient>;
}

export interface ProxiedOptions {
  readonly backend?: BackendOptions;
  /** Keys of the listener. */
  readonly listener?: Readonly<Record<string, unknown>>;
  /** Keys of `[listeners.http]`. */
  readonly http?: Readonly<Record<string, unknown>>;
  /** Further blocks of the config. */
  readonly config?: Omit<Partial<GatewayConfig>, "listeners">;
  readonly gateway?: GatewayOptions;
}

export async function startProxied(scope: CleanupScope, options: ProxiedOptions = {}): Promise<Proxied> {
  const backend = await startBackend(scope, options.backend);
  const port = await freePort();
  const http = options.http === undefined ? {} : { http: options.http };
  const config: GatewayConfig = {
    ...options.config,
    listeners: [h1Listener(port, [backend.address], { ...options.listener, ...http })],
  };
  const gateway = await Gateway.start(scope, config, options.gateway);
  return {
    gateway,
    backend,
    port,
    config,
    connect: (connectOptions) => RawClient.connect(port, connectOptions),
  };
}

/** A GET with a Host field and further field lines. */
export function get(path: string, ...lines: string[]): string {
  return [`GET ${path} HTTP/1.1`, "Host: test.example", ...lines, "", ""].join("\r\n");
}

/** A POST with a length. */
export function post(path: string, body: string, ...lines: string[]): string {
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: test.example",
    `Content-Length: ${body.length}`,
    ...lines,
    "",
    "",
  ];
  return head.join("\r\n") + body;
}

/** A chunked POST; `chunks` is the framed body, from the first size line to the last CRLF. */
export function postChunked(path: string, chunks: string, ...lines: string[]): string {
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: test.example",
    "Transfer-Encoding: chunked",
    ...lines,
    "",
    "",
  ];
  return head.join("\r\n") + chunks;
}
