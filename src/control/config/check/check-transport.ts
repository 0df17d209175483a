/**
 * Whether the transport that the file names can run on this machine. Asked by `check` and at start and
 * reload alike, so that it is known before anything is bound; `auto` always finds one.
 */
import { chooseTransport, describeRefusal, type TransportProbe } from "../../../fastpath/choose-transport.ts";
import type { CheckContext } from "./check-context.ts";

const PATH = ["runtime", "transport"];

export function checkTransport({ config, issues }: CheckContext, probe: TransportProbe): void {
  const { transport } = config.runtime;
  if (issues.isBad(PATH)) return;
  const decision = chooseTransport(transport, probe);
  if (decision.kind === "chosen") return;
  const hint = '"auto" takes the best that runs here';
  issues.error(PATH, describeRefusal(transport, decision.reason), { hint });
}
