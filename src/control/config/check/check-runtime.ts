/** Keys of `[runtime]` that need each other. Feature rows A16.6, A21.1. */
import type { CheckContext } from "./check-context.ts";

export function checkRuntime(context: CheckContext): void {
  const { runtime } = context.config;
  const { issues } = context;
  if (runtime.drain_jitter_ms > runtime.drain_timeout_ms) {
    const message = `drain_jitter_ms is ${runtime.drain_jitter_ms}, more than drain_timeout_ms, which is ${runtime.drain_timeout_ms}`;
    issues.error(["runtime", "drain_jitter_ms"], message, {
      hint: "connections must be told before the timeout",
    });
  }
  if (
    runtime.xdp_enabled &&
    runtime.xdp_interface === undefined &&
    !issues.isBad(["runtime", "xdp_interface"])
  ) {
    issues.error(["runtime", "xdp_enabled"], "xdp_enabled needs xdp_interface", {
      hint: 'as in xdp_interface = "eth0"',
    });
  }
  const { max_idle_per_backend: idle, max_per_backend: all } = context.config.pool;
  if (context.given(["pool", "max_idle_per_backend"]) && idle > all) {
    const message = `max_idle_per_backend is ${idle}, more than max_per_backend, which is ${all}`;
    issues.warn(["pool", "max_idle_per_backend"], message);
  }
}
