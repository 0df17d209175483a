/** The admin listener is reached from this machine only, unless the operator says so twice. Feature row A17.4. */
import { isLoopback, parseHostPort } from "../address.ts";
import type { CheckContext } from "./check-context.ts";

export function checkAdmin(context: CheckContext): void {
  const { config, issues } = context;
  const { admin } = config;
  const hasToken = admin.api_token_hash !== undefined || issues.isBad(["admin", "api_token_hash"]);
  if (admin.allow_non_loopback && !hasToken) {
    const hint = "SHA-256 of the token: printf %s TOKEN | sha256sum";
    issues.error(["admin", "allow_non_loopback"], "allow_non_loopback needs api_token_hash", { hint });
  }
  const bind = config.observability.metrics_bind;
  const path = ["observability", "metrics_bind"];
  if (bind === undefined || issues.isBad(path)) return;
  const parsed = parseHostPort(bind);
  if (!("port" in parsed) || isLoopback(parsed.host) || admin.allow_non_loopback) return;
  const message = `metrics_bind "${bind}" can be reached from other machines`;
  const hint = "bind to 127.0.0.1 or [::1], or set allow_non_loopback and api_token_hash in [admin]";
  issues.error(path, message, { hint });
}
