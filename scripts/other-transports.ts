/**
 * Prints, one per line, the transports that run here beside the one that `auto` takes: those on which
 * CI runs the tests once more. One that does not run here is told on standard error, with the reason.
 */
import { chooseTransport, type TransportKind } from "../src/fastpath/choose-transport.ts";
import { probeTransport } from "../src/fastpath/open-transport.ts";

const ALL: readonly TransportKind[] = ["net", "epoll", "io_uring"];

const auto = chooseTransport("auto", probeTransport);
for (const kind of ALL) {
  const reason = probeTransport(kind);
  if (reason !== "") console.error(`SKIPPED transport ${kind}: ${reason}`);
  else if (auto.kind === "refused" || auto.choice.kind !== kind) console.log(kind);
}
