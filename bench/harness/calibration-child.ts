/** One side of the calibration, pinned to a CPU by its parent: counts, and plays ping-pong. */
import { connect, createServer, type Socket } from "node:net";
import type { Order } from "./calibration.ts";

const SPIN_MS = 40;
const TRIPS_MS = 80;

let peer: Socket | undefined;

process.on("message", (order: Order) => {
  switch (order.kind) {
    case "listen":
      return listen();
    case "connect":
      peer = connect({ host: "127.0.0.1", port: order.port, noDelay: true }, () => process.send?.(0));
      return;
    case "spin":
      return void process.send?.(spin());
    case "trips":
      return countTrips();
  }
});

process.on("disconnect", () => process.exit(0));

function listen(): void {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("data", (bytes) => socket.write(bytes));
    socket.on("error", () => {});
    server.close();
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.send?.(typeof address === "object" && address !== null ? address.port : 0);
  });
}

function spin(): number {
  const end = performance.now() + SPIN_MS;
  let rounds = 0;
  for (let state = 1; performance.now() < end; rounds++) {
    for (let i = 0; i < 20_000; i++) state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
  }
  return rounds;
}

function countTrips(): void {
  const socket = peer;
  if (socket === undefined) return void process.send?.(0);
  const end = performance.now() + TRIPS_MS;
  let trips = 0;
  const onData = (): void => {
    trips++;
    if (performance.now() < end) return void socket.write("x");
    socket.off("data", onData);
    process.send?.(trips);
  };
  socket.on("data", onData);
  socket.write("x");
}
