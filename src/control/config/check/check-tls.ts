/** `[listeners.tls]`: which keys need each other. Feature rows A3.1, A3.5, B22, B23. */
import { MAX_TICKET_KEYS } from "../../certificates/ticket-keys.ts";
import type { ListenerConfig, ListenerTlsConfig } from "../gateway-config.ts";
import type { ConfigPath } from "../issue.ts";
import type { CheckContext } from "./check-context.ts";

export function checkTls(context: CheckContext, listener: ListenerConfig, path: ConfigPath): void {
  const { tls } = listener;
  const inner = [...path, "tls"];
  if (tls === undefined || context.issues.isBad(inner)) return;
  if (tls.acme) checkAcme(context, tls, inner);
  else checkPair(context, tls, inner);
  checkClientAuth(context, tls, inner);
  checkForwarding(context, listener, inner);
  checkTickets(context, tls, inner);
}

function checkAcme({ issues }: CheckContext, tls: ListenerTlsConfig, path: ConfigPath): void {
  if (tls.acme_email === undefined) issues.error(path, '"acme_email" is missing: acme = true needs it');
  if (tls.challenge_type === "dns-01" && tls.dns_provider === undefined) {
    issues.error(path, 'challenge_type = "dns-01" needs [listeners.tls.dns_provider]');
  }
}

/** The default certificate: a pair, unless there are others. */
function checkPair(context: CheckContext, tls: ListenerTlsConfig, path: ConfigPath): void {
  const keys = ["cert_path", "key_path"] as const;
  const written = [...keys, "ocsp_path"] as const;
  const none = written.every((key) => tls[key] === undefined);
  if (none && (tls.certificates.length > 0 || context.issues.isBad([...path, "certificates"]))) return;
  for (const key of keys) {
    if (tls[key] !== undefined || context.issues.isBad([...path, key])) continue;
    const hint = none ? "or add [[listeners.tls.certificates]]" : "a certificate needs its key";
    context.issues.error(path, `"${key}" is missing in [listeners.tls]`, { hint });
  }
}

function checkClientAuth(context: CheckContext, tls: ListenerTlsConfig, path: ConfigPath): void {
  const { issues } = context;
  if (issues.isBad([...path, "client_auth"])) return;
  if (tls.client_auth !== "off") {
    if (tls.client_ca_path !== undefined || issues.isBad([...path, "client_ca_path"])) return;
    const message = `client_auth = "${tls.client_auth}" needs "client_ca_path"`;
    issues.error([...path, "client_auth"], message, { hint: "whom to believe about clients" });
    return;
  }
  for (const key of ["client_ca_path", "client_crl_path", "forward_client_certificate"] as const) {
    if (!context.given([...path, key]) || tls[key] === "off") continue;
    const message = `"${key}" has no meaning while clients are asked for no certificate`;
    issues.error([...path, key], message, { at: "key", hint: 'with client_auth = "request" or "require"' });
  }
}

function checkForwarding(context: CheckContext, listener: ListenerConfig, path: ConfigPath): void {
  if (listener.protocol !== "tls" || listener.tls?.forward_client_certificate === "off") return;
  const message = '"forward_client_certificate" needs HTTP: a listener of protocol "tls" has no fields';
  context.issues.error([...path, "forward_client_certificate"], message, { at: "key" });
}

function checkTickets(context: CheckContext, tls: ListenerTlsConfig, path: ConfigPath): void {
  const interval = tls.ticket_rotation_interval_seconds;
  const overlap = tls.ticket_rotation_overlap_seconds;
  const kept = (MAX_TICKET_KEYS - 1) * interval;
  if (overlap <= kept) return;
  const message = `only ${MAX_TICKET_KEYS} keys are kept: tickets older than ${kept} s are not accepted`;
  context.issues.warn([...path, "ticket_rotation_overlap_seconds"], message);
}
