/** TLS to one backend: the ways to ask for it must agree, and its keys need it. Feature rows A3.8, A3.9, B29. */
import { type BackendScheme, parseBackendUrl } from "../address.ts";
import type { BackendConfig } from "../gateway-config.ts";
import type { ConfigPath } from "../issue.ts";
import type { CheckContext } from "./check-context.ts";

type Protocol = BackendConfig["protocol"];

/** What a URL's scheme may be refined to by `protocol`. */
const PROTOCOLS_OF: Readonly<Record<BackendScheme, readonly Protocol[]>> = {
  http: ["h1", "h2"],
  h2c: ["h2"],
  https: ["h1", "h2", "auto", "h3"],
  tcp: ["tcp"],
};

/** What `tls` must be with a URL of this scheme; `undefined`: either. */
const TLS_OF: Readonly<Record<BackendScheme, boolean | undefined>> = {
  http: false,
  h2c: false,
  https: true,
  tcp: undefined,
};

const TLS_KEYS = [
  "tls_ca_path",
  "tls_verify_hostname",
  "tls_server_name",
  "tls_verify_peer",
  "tls_client_cert_path",
  "tls_client_key_path",
] as const;

export function checkBackendTls(context: CheckContext, backend: BackendConfig, path: ConfigPath): void {
  checkScheme(context, backend, path);
  if (backend.protocol === "auto" && !backend.tls) {
    const hint = 'it needs tls = true, or url = "https://..."';
    context.issues.error([...path, "protocol"], 'protocol "auto" means what ALPN says, in TLS', { hint });
  }
  if (backend.protocol === "h3") checkHttp3(context, backend, path);
  if (backend.tls || backend.protocol === "h3") checkSettings(context, backend, path);
  else refuseSettings(context, path);
}

/** What the QUIC engine cannot do, and what QUIC has in any case. */
function checkHttp3(context: CheckContext, backend: BackendConfig, path: ConfigPath): void {
  const { issues } = context;
  if (!backend.tls) {
    issues.error([...path, "tls"], 'protocol "h3" is spoken over QUIC, which always has TLS', {
      hint: "remove tls = false",
    });
  }
  if (backend.port === -1) {
    const key = context.given([...path, "address"]) ? "address" : "url";
    issues.error([...path, key], 'protocol "h3" is spoken over UDP: a Unix socket cannot carry it');
  }
  for (const key of ["tls_client_cert_path", "tls_client_key_path"] as const) {
    if (!context.given([...path, key])) continue;
    const message = `"${key}" has no meaning with protocol "h3": the QUIC engine shows backends no certificate`;
    issues.error([...path, key], message, { at: "key", hint: 'backends of protocol "h2" can be shown one' });
  }
  checkSentName(context, backend, path);
}

/** The QUIC engine verifies the name that it sends. */
function checkSentName({ issues }: CheckContext, backend: BackendConfig, path: ConfigPath): void {
  const { tls_server_name: sent, tls_verify_hostname: own, tls_verify_peer: verifies, host } = backend;
  const verified = own ?? host;
  if (sent === undefined || !verifies || verified === "" || isSameName(sent, verified)) return;
  const message = `with protocol "h3" the name that is sent is the one that is verified: "${sent}" is not "${verified}"`;
  issues.error([...path, "tls_server_name"], message, {
    hint: "remove tls_server_name, or write the same name in tls_verify_hostname",
  });
}

function isSameName(a: string, b: string): boolean {
  const bare = (name: string): string => name.toLowerCase().replace(/\.$/, "");
  return bare(a) === bare(b);
}

function checkScheme(context: CheckContext, backend: BackendConfig, path: ConfigPath): void {
  const url = context.written([...path, "url"]);
  const parsed = typeof url === "string" ? parseBackendUrl(url) : undefined;
  if (parsed === undefined || !("scheme" in parsed)) return;
  const { scheme } = parsed;
  const protocols = PROTOCOLS_OF[scheme];
  if (!protocols.includes(backend.protocol) && !(scheme === "http" && backend.protocol === "auto")) {
    const message = `protocol "${backend.protocol}" does not fit a URL with ${scheme}://`;
    const hint = `it allows ${protocols.map((protocol) => `"${protocol}"`).join(", ")}`;
    context.issues.error([...path, "protocol"], message, { hint });
  }
  const wanted = TLS_OF[scheme];
  if (wanted === undefined || backend.tls === wanted) return;
  const hint = wanted
    ? "the URL for HTTP without TLS begins with http://"
    : "the URL for TLS begins with https://";
  context.issues.error([...path, "tls"], `tls = ${backend.tls} contradicts a URL with ${scheme}://`, {
    hint,
  });
}

function refuseSettings(context: CheckContext, path: ConfigPath): void {
  for (const key of TLS_KEYS) {
    if (!context.given([...path, key])) continue;
    const hint = 'TLS needs tls = true, or url = "https://..."';
    const message = `"${key}" has no meaning for a backend without TLS`;
    context.issues.error([...path, key], message, { at: "key", hint });
  }
}

function checkSettings(context: CheckContext, backend: BackendConfig, path: ConfigPath): void {
  const { issues } = context;
  if (backend.tls_verify_peer) checkVerification(context, backend, path);
  else if (context.given([...path, "tls_ca_path"])) {
    const message = '"tls_ca_path" is not used with tls_verify_peer = false';
    issues.warn([...path, "tls_ca_path"], message, { at: "key" });
  }
  if (backend.protocol === "h3") return;
  const pair = ["tls_client_cert_path", "tls_client_key_path"] as const;
  for (const [key, other] of [pair, pair.toReversed()] as [(typeof pair)[0], (typeof pair)[1]][]) {
    if (backend[key] === undefined || backend[other] !== undefined || issues.isBad([...path, other]))
      continue;
    issues.error([...path, key], `"${key}" needs "${other}"`, { at: "key" });
  }
}

function checkVerification(context: CheckContext, backend: BackendConfig, path: ConfigPath): void {
  const { issues } = context;
  const unsafe = "or tls_verify_peer = false, which is not safe";
  if (
    backend.protocol === "h3" &&
    backend.tls_ca_path === undefined &&
    !issues.isBad([...path, "tls_ca_path"])
  )
    issues.error(path, 'a backend of protocol "h3" needs "tls_ca_path"', { hint: unsafe });
  if (backend.port === -1 && backend.protocol !== "h3" && backend.tls_verify_hostname === undefined) {
    const message = 'TLS over a Unix socket needs "tls_verify_hostname": its address has no name to verify';
    issues.error(path, message, { hint: unsafe });
  }
}
