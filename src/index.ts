/**
 * The library: the gateway inside another program. `createGateway` reads a configuration and gives a
 * gateway that is not started yet.
 *
 *     import { createGateway } from "expressgateway";
 *     const gateway = await createGateway({ toml });
 *     await gateway.start();
 *     console.log(gateway.ports, gateway.health());
 *     await gateway.drain();
 *
 * With `[runtime] workers = 0` everything runs in the program's own process; otherwise the gateway
 * starts worker processes as the command does. No signal is handled: that is the program's part.
 */
export { createGateway } from "./control/create-gateway.ts";
export { ConfigError, type ConfigSource } from "./control/config-source.ts";
export type { GatewayConfig } from "./control/config/gateway-config.ts";
export type { ConfigIssue } from "./control/config/issue.ts";
export { Gateway, type GatewayOptions, type ReloadReport, type StopReport } from "./control/gateway.ts";
export type { GatewayHealth } from "./control/gateway-health.ts";
export type { GatewayState, HealthStatus } from "./control/gateway-state.ts";
export type { Environment } from "./base/environment.ts";
export type { Log } from "./base/log.ts";
export { VERSION } from "./control/version.ts";
