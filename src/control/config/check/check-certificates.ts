/**
 * What the files of `[listeners.tls]` and of backends hold: readable, well-formed, matching, not
 * expired. Asked by `check`, at start and at reload, so that it is told with the place in the file.
 */
import { type CertificateSources, inspectCertificates } from "../../certificates/load-certificates.ts";
import type { CheckContext } from "./check-context.ts";
import { checkHostNames } from "./check-host-names.ts";

export function checkCertificates(context: CheckContext, sources: Partial<CertificateSources>): void {
  const { config, issues } = context;
  const { findings, store } = inspectCertificates(config, sources);
  for (const { failure, at, message, hint } of findings) {
    if (failure === null) issues.warn(at, message, { hint });
    else issues.error(at, message, { hint });
  }
  if (findings.every(({ failure }) => failure === null)) checkHostNames(context, store.certificates);
}
