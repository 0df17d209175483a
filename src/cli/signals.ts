/** What the signals of the main process mean. Feature rows A16.1, A16.4, A16.5. */
import type { Log } from "../base/log.ts";
import type { Gateway } from "../control/gateway.ts";

/** By convention 128 and the number of the signal: the end was not orderly. */
const FORCED_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * One Ctrl-C can arrive twice: the terminal sends it to the whole group, and npm passes it on to us
 * once more. What comes this soon is the same wish.
 */
const SAME_WISH_MS = 1_000;

/** Begins to obey. The returned function tells the exit code so far: 0, or why the end was forced. */
export function obeySignals(gateway: Gateway, log: Log): () => number {
  let endingSinceMs = Infinity;
  let exitCode = 0;
  const end = (signal: keyof typeof FORCED_EXIT_CODES): void => {
    const nowMs = performance.now();
    if (endingSinceMs === Infinity) {
      endingSinceMs = nowMs;
      log.info({ signal }, "signal: the gateway drains");
      void gateway.drain();
      return;
    }
    if (nowMs - endingSinceMs < SAME_WISH_MS) return;
    exitCode = FORCED_EXIT_CODES[signal];
    log.warn({ signal }, "second signal: the gateway ends at once");
    void gateway.stop();
  };
  process.on("SIGTERM", () => end("SIGTERM"));
  process.on("SIGINT", () => end("SIGINT"));
  process.on("SIGHUP", () => reload(gateway, log));
  process.on("SIGUSR1", () => rotate(gateway, log));
  process.on("SIGUSR2", () => log.info({}, "signal: SIGUSR2 has no meaning here, nothing is done"));
  return () => exitCode;
}

function rotate(gateway: Gateway, log: Log): void {
  log.info({ signal: "SIGUSR1" }, "signal: certificates are read again, and the access log is opened anew");
  gateway.reopenLogs();
  gateway.rotateCertificates().catch(() => {
    // As for a reload: it has been logged and counted.
    if (gateway.state !== "running")
      log.warn({ state: gateway.state }, "no rotation: the gateway does not run");
  });
}

function reload(gateway: Gateway, log: Log): void {
  log.info({ signal: "SIGHUP" }, "signal: the configuration is read again");
  gateway.reopenLogs();
  gateway.reload().catch(() => {
    // The gateway has logged and counted a failure, and goes on as it was, unless it is ending.
    if (gateway.state !== "running")
      log.warn({ state: gateway.state }, "no reload: the gateway does not run");
  });
}
