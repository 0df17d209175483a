/**
 * Configs for tests as plain objects, written out as TOML. One worker, short drains, no settle time
 * and no access log unless a test says otherwise, so that tests are quick; everything else is the
 * default.
 */
import { stringify } from "smol-toml";
import { HOST } from "./addresses.ts";
import { transportKeys } from "./transport.ts";

type Block = Readonly<Record<string, unknown>>;

/** The blocks of a config file; keys are those of the file. */
export interface GatewayConfig {
  readonly listeners: readonly Block[];
  readonly routers?: Readonly<Record<string, Block>>;
  readonly services?: Readonly<Record<string, Block>>;
  readonly middlewares?: Readonly<Record<string, Block>>;
  readonly runtime?: Block;
  readonly observability?: Block;
  readonly admin?: Block;
  readonly security?: Block;
  readonly pool?: Block;
}

const QUICK: Block = { workers: 1, readiness_settle_ms: 0, drain_timeout_ms: 2000, drain_jitter_ms: 0 };

/** The config as TOML text, with the admin listener on `adminPort`. */
export function toToml(config: GatewayConfig, adminPort: number): string {
  const metricsBind = `${HOST}:${adminPort}`;
  const observability = {
    metrics_bind: metricsBind,
    access_log: { enabled: false },
    ...config.observability,
  };
  return stringify({
    ...config,
    runtime: { ...QUICK, ...transportKeys(), ...config.runtime },
    observability,
  });
}

/** An `h1` listener with its own backends, and other keys as given. */
export function h1Listener(port: number, backends: readonly (string | Block)[], more: Block = {}): Block {
  const blocks = backends.map((backend) => (typeof backend === "string" ? { address: backend } : backend));
  return {
    name: "web",
    address: `${HOST}:${port}`,
    protocol: "h1",
    ...more,
    ...(blocks.length === 0 ? {} : { backends: blocks.map((block) => ({ protocol: "h1", ...block })) }),
  };
}
