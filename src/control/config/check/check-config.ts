/** All checks of relations between keys. They run on what the schema has read, and report side by side. */
import { checkAddresses } from "./check-addresses.ts";
import { checkAdmin } from "./check-admin.ts";
import { checkBackends } from "./check-backends.ts";
import type { CheckContext } from "./check-context.ts";
import { checkListeners } from "./check-listeners.ts";
import { checkRouters } from "./check-routers.ts";
import { checkRuntime } from "./check-runtime.ts";
import { checkServices } from "./check-services.ts";

export function checkConfig(context: CheckContext): void {
  checkListeners(context);
  checkAddresses(context);
  checkBackends(context);
  checkRuntime(context);
  checkAdmin(context);
  checkRouters(context);
  checkServices(context);
}
