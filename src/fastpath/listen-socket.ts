/**
 * Listening TCP sockets with every option of feature row A2.10, and the way to close one that
 * shares its port with other workers without losing a connection. A transport opens one and accepts
 * from its descriptor; where the addon is missing it gets null and listens by node:net.
 *
 * A new socket is bound and does not listen yet, so that the kernel completes no connection for a
 * plan that is given up. To close one that listens: `drainListenSocket`, then close the descriptor.
 */
import { LISTENER_LINGER_MS } from "../base/limits.ts";
import type { NativeAddon } from "./native-addon.ts";
import type { ListenOptions } from "./transport.ts";

export interface ListenSocket {
  /** Non-blocking and close-on-exec; owned by the caller. */
  readonly fd: number;
  readonly port: number;
}

/**
 * Opens and binds a socket: SO_REUSEADDR, TCP_NODELAY, SO_KEEPALIVE, buffers if they have a fixed
 * size, all of which accepted sockets inherit. `::` takes IPv4 too, as it does in node:net. Returns null without the addon. Throws an `Error` with an errno `code` (`EADDRINUSE`).
 *
 * Listen with `NativeAddon.listen`, or over node:net with
 * `server.listen({ fd, backlog: LISTEN_BACKLOG })`; Node.js would take a backlog of 511 by itself.
 */
export function openListenSocket(addon: NativeAddon | null, options: ListenOptions): ListenSocket | null {
  if (addon === null) return null;
  const { host, port, reusePort, bufferBytes = 0 } = options;
  const fd = addon.bindTcp({
    host,
    port,
    ipv6Only: false,
    reusePort,
    receiveBufferBytes: bufferBytes,
    sendBufferBytes: bufferBytes,
    keepAlive: true,
  });
  return { fd, port: addon.localPort(fd) };
}

/** How often a closing listener looks whether the kernel's queue is empty. */
const QUEUE_POLL_MS = 5;

/** A closing listener waits no longer than this, however many handshakes are under way. */
const MAX_CLOSE_MS = 1000;

/**
 * Refuses new handshakes and waits until those under way are complete and all were accepted; its
 * caller goes on accepting meanwhile. Ends early when `isOpen` says that the socket is gone.
 */
export async function drainListenSocket(
  addon: NativeAddon,
  fd: number,
  isOpen: () => boolean,
): Promise<void> {
  addon.stopIncoming(fd);
  for (let waitedMs = 0; waitedMs < MAX_CLOSE_MS; waitedMs += QUEUE_POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, QUEUE_POLL_MS));
    if (!isOpen()) return;
    if (waitedMs >= LISTENER_LINGER_MS && addon.acceptQueueLength(fd) === 0) return;
  }
}

/** Descriptors kept for connections to backends, logs and names: a quarter of them all, up to this many. */
const MAX_RESERVED_DESCRIPTORS = 1024;

/** Descriptors from here on are scarce: the kernel gives the lowest that is free. */
export function scarceFrom(addon: NativeAddon | null): number {
  if (addon === null) return Infinity;
  const limit = addon.openFileLimit().soft;
  return limit - Math.min(MAX_RESERVED_DESCRIPTORS, Math.floor(limit / 4));
}
