/** Opens connections, sends one request on each, and holds them until its parent lets it go. See `idle-holder.ts`. */
import { connect, type Socket } from "node:net";
import type { HoldOrder } from "./idle-holder.ts";

/** Connections opened at the same time: below any listen backlog. */
const AT_ONCE = 100;

const REQUEST = "GET /idle HTTP/1.1\r\nHost: bench.example\r\n\r\n";

const sockets = new Set<Socket>();

process.on("message", (order: HoldOrder) => {
  void open(order).then(
    () => process.send?.(sockets.size),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));

async function open(order: HoldOrder): Promise<void> {
  for (let opened = 0; opened < order.connections; opened += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, order.connections - opened) }, (_, i) =>
      openOne(order, opened + i),
    );
    await Promise.all(batch);
  }
}

function openOne({ host, port, localAddresses }: HoldOrder, index: number): Promise<void> {
  const localAddress = localAddresses[index % localAddresses.length] ?? "127.0.0.1";
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, localAddress });
    socket.once("error", reject);
    socket.once("connect", () => socket.write(REQUEST));
    socket.once("data", () => {
      sockets.add(socket);
      resolve();
    });
    socket.once("close", () => {
      sockets.delete(socket);
      reject(new Error("a connection was closed before it was answered"));
    });
  });
}
