/**
 * Finds and loads the native addon, and types it. The handles of this folder call it and fall back
 * to their plain twins when it is missing; `main` logs the reason. Errors of its calls are `Error`s
 * with an errno `code` and a `syscall`, as those of Node.js.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { TlsClientSettings, TlsInfo, TlsServerSettings } from "./tls.ts";
import type { UdpOptions } from "./udp.ts";

export interface BindOptions {
  /** Numeric address, IPv4 or IPv6. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
  /** 0: the kernel's default, which tunes itself. */
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly keepAlive: boolean;
}

/** What `idleProbe` sees: nothing, the peer's end or an error, or bytes that nobody asked for. */
export const PROBE_QUIET = 0;
export const PROBE_CLOSED = 1;
export const PROBE_UNEXPECTED_BYTES = 2;

/** The memory that a native transport works in; its sizes are its limits. See `native-layout.ts`. */
export interface TransportMemory {
  /** Received bytes of one batch. */
  readonly slab: Uint8Array;
  /** Encoded bytes of one batch. */
  readonly out: Uint8Array;
  readonly events: Int32Array;
  readonly commands: Int32Array;
  /** What is known of each connection; as many as there may be. */
  readonly slots: Int32Array;
}

/** A TLS context that the addon made, opaque. It is freed when it was collected and no connection uses it. */
export type NativeTlsContext = object;

/** One native transport: sockets by number, driven by the rings of its memory. */
export interface NativeTransportHandle {
  /** Carries out the first `count` commands now, outside of a batch or in the middle of one. */
  submit(count: number): void;
  /**
   * Dials, and returns the connection; -1 when there are as many as can be. `port` -1: a Unix socket.
   * `tls`: a client's context, or `null`.
   */
  connect(host: string, port: number, tls: NativeTlsContext | null): number;
  /** Accepts from a listening socket, which it owns from now on; returns the listener. */
  listen(fd: number): number;
  /** Accepts again after an error that held the listener. */
  resumeListener(id: number): void;
  closeListener(id: number): void;
  /** As `idleProbe`, for a connection. What TLS says of itself is not unexpected. */
  probe(id: number): number;
  /** An accepted connection speaks TLS, with a server's context; before its first bytes are delivered. */
  secure(id: number, context: NativeTlsContext): void;
  /** Throws an `Error` that says in words what is wrong with the settings. */
  tlsServer(settings: TlsServerSettings): NativeTlsContext;
  /** The same; an empty `caPem` is no authority. */
  tlsClient(settings: TlsClientSettings): NativeTlsContext;
  setTicketKeys(context: NativeTlsContext, keys: readonly Uint8Array[]): void;
  /** What a handshake agreed on; `undefined` before its end, and without TLS. */
  tlsInfo(id: number): TlsInfo | undefined;
  /** Why TLS ended a connection; until its close was handled. */
  tlsReason(id: number): string;
  /** Closes every socket and tells nobody. */
  close(): void;
}

/** The memory that a native datagram socket works in. See `native-udp-layout.ts`. */
export interface UdpMemory {
  /** Received bytes of one batch, 64 KiB for each message; these two may be shared by sockets of a thread. */
  readonly slab: Uint8Array;
  readonly received: Uint32Array;
  readonly unreachable: Uint32Array;
  /** Encoded bytes of one batch. */
  readonly out: Uint8Array;
  readonly staged: Uint32Array;
  readonly state: Uint32Array;
}

/** One native datagram socket, bound; driven by the records of its memory. */
export interface NativeUdpHandle {
  /** -1 when it is closed. */
  fd(): number;
  /** Starts to receive. */
  receive(): void;
  /** Sends the first `count` staged records now. */
  submit(count: number): void;
  close(): void;
}

export type NativeEngine = "epoll" | "io_uring";

export interface NativeAddon {
  /** Version and `process.versions.modules` of the runtime whose headers it was built with. */
  readonly builtForNode: string;
  readonly builtForModules: number;
  /** Descriptor of zeroed memory of fixed size, close-on-exec. */
  createSharedMemory(name: string, bytes: number): number;
  /** The memory of a descriptor; the mapping outlives the descriptor. */
  mapSharedMemory(fd: number, bytes: number): ArrayBuffer;
  /** Descriptor of a bound socket, non-blocking and close-on-exec, which does not listen yet. */
  bindTcp(options: BindOptions): number;
  /** Starts to listen; `backlog` is how many completed connections may wait for accept. */
  listen(fd: number, backlog: number): void;
  /** For descriptors that no handle of Node.js owns. */
  closeDescriptor(fd: number): void;
  localPort(fd: number): number;
  /**
   * The listening socket takes no new SYN; handshakes under way still complete. The client of a
   * dropped SYN sends it again after a second, and meets whoever listens then.
   */
  stopIncoming(fd: number): void;
  /** Completed connections of a listening socket that wait for accept. */
  acceptQueueLength(fd: number): number;
  /** `PROBE_QUIET`, `PROBE_CLOSED` or `PROBE_UNEXPECTED_BYTES`; takes nothing from the socket. */
  idleProbe(fd: number): number;
  /** `onBatch` gets the number of events in the ring, and returns the number of commands that it left. */
  readonly Transport: new (
    engine: NativeEngine,
    memory: TransportMemory,
    onBatch: (events: number) => number,
  ) => NativeTransportHandle;
  /** Empty when the engine can run here, else the reason in one line. */
  transportProbe(engine: NativeEngine): string;
  /** The constants of `native/transport/layout.h` by name. */
  readonly transportLayout: Readonly<Record<string, number>>;
  /**
   * Binds, or throws an `Error` with an errno `code`. `onBatch` gets how many datagrams came, how many
   * peers cannot be reached, whether all that waited has gone out, and the errno that ended the socket or
   * 0; it returns the number of records that it staged.
   */
  readonly UdpSocket: new (
    options: UdpOptions,
    memory: UdpMemory,
    onBatch: (datagrams: number, unreachable: number, drained: boolean, errno: number) => number,
  ) => NativeUdpHandle;
  /** The places of `native/udp/layout.h` by name. */
  readonly udpLayout: Readonly<Record<string, number>>;
  /** This process gets `signal` when its parent ends. Compare `process.ppid` after: it may have ended already. */
  setParentDeathSignal(signal: number): void;
  /** Descriptors that the process may have open; `Infinity`: no limit. */
  openFileLimit(): { soft: number; hard: number };
  /** Processors that the process may run on. */
  affinityCount(): number;
  /** Tells V8 that so many more bytes, or fewer, hang on objects of this isolate than it knows of. */
  adjustExternalMemory(bytes: number): void;
  /** One datagram to a Unix socket; a path that begins with `@` is abstract (sd_notify(3)). */
  notifySocket(path: string, message: string): void;
}

export type NativeLoad =
  | { readonly kind: "loaded"; readonly addon: NativeAddon }
  | { readonly kind: "missing"; readonly reason: string };

/** From `src/fastpath` and from `dist/fastpath` alike. */
const ADDON_PATH = fileURLToPath(new URL("../../build/Release/expressgateway.node", import.meta.url));

/** Loads the addon (once: `require` remembers it), or says in one line why it cannot. */
export function loadNativeAddon(path: string = ADDON_PATH): NativeLoad {
  try {
    return { kind: "loaded", addon: createRequire(import.meta.url)(path) as NativeAddon };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { kind: "missing", reason: text.split("\n", 1)[0] ?? "" };
  }
}

/** The addon, or null when it is missing. */
export function nativeAddon(): NativeAddon | null {
  const load = loadNativeAddon();
  return load.kind === "loaded" ? load.addon : null;
}
