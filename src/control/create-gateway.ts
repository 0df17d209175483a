/** From a configuration to a gateway: the library's entry (`src/index.ts`) and the tests call it. */
import { silentLog } from "../base/log.ts";
import { readConfig, type ConfigSource } from "./config-source.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { refuseNode } from "./node-version.ts";

/**
 * `source`: the path of a TOML file, `{ toml }` with its text, or a `GatewayConfig`. Rejects with
 * `ConfigError`, whose `issues` have their places. Without `options.log` nothing is logged, by
 * workers neither. Rejects at once on a Node.js that is too old.
 */
export async function createGateway(
  source: ConfigSource,
  options: Partial<GatewayOptions> = {},
): Promise<Gateway> {
  const refusal = refuseNode();
  if (refusal !== null) throw new Error(refusal);
  const environment = options.environment ?? process.env;
  const { config } = await readConfig(source, environment);
  return new Gateway(source, config, {
    ...options,
    environment: options.log === undefined ? { ...environment, LB_LOG: "off" } : environment,
    log: options.log ?? (() => silentLog),
  });
}
