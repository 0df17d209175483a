import { test } from "node:test";
import { Clock } from "../base/clock.ts";
import type { TransportKind } from "./choose-transport.ts";
import { NetTransport } from "./net-transport.ts";
import { openTransport, probeTransport } from "./open-transport.ts";
import { testTls } from "./tls.contract.ts";

testTls({ name: "node:net", make: () => new NetTransport(new Clock(), null), ownTickets: false });

const NATIVE: readonly TransportKind[] = ["epoll", "io_uring"];

for (const kind of NATIVE) {
  const reason = probeTransport(kind);
  if (reason === "") testTls({ name: kind, make: () => openTransport(kind, new Clock()), ownTickets: true });
  else test(`${kind} does not run here`, { skip: reason }, () => {});
}
