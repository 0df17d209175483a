/** Listeners with TLS for tests over the memory transport, where nobody looks at certificates. */
import type { TlsServerSettings } from "../../src/fastpath/tls.ts";
import type { ListenerPlan, ListenerTlsPlan } from "../../src/proxy/plan.ts";

const SETTINGS: TlsServerSettings = {
  certificates: [{ certPem: "CERTIFICATE", keyPem: "KEY", names: ["app.example"], ocsp: null }],
  minVersion: "TLSv1.2",
  alpn: ["h2", "http/1.1"],
  ticketKeys: [],
  clientCertificate: { mode: "off", caPem: "", crlPem: "" },
  keyLogPath: "",
};

/** What makes a listener an `h1s` one; its `protocol` may be set to `tls` behind it. */
export function secureListener(
  settings: Partial<TlsServerSettings> = {},
  forwardCertificate: ListenerTlsPlan["forwardCertificate"] = "off",
): Partial<ListenerPlan> {
  return { protocol: "h1s", tls: { settings: { ...SETTINGS, ...settings }, forwardCertificate } };
}
