/** Files that say whom to trust: authorities, and what they have revoked. Feature rows A3.8, B23. */
import { type Inspection, shown, day } from "./inspection.ts";
import type { AuthoritiesPlace, RevocationsPlace } from "./named-files.ts";
import { pemBlocks } from "./pem.ts";
import { readRevocationList } from "./revocation-list.ts";

export function checkAuthorities(inspection: Inspection, { file }: AuthoritiesPlace): void {
  const bundle = inspection.certificates(file);
  if (bundle !== null) inspection.checkTimes(file, bundle);
}

export function checkRevocations(inspection: Inspection, { file }: RevocationsPlace): void {
  const content = inspection.read(file);
  if (content === null) return;
  const blocks = pemBlocks(content.bytes.toString("latin1"), "X509 CRL");
  const malformed = (message: string): null => inspection.fail(file, { failure: "malformed", message });
  if (blocks.length === 0) {
    malformed(`${shown(file)} holds no revocation list in PEM`);
    return;
  }
  for (const [index, block] of blocks.entries()) {
    const list = readRevocationList(block);
    if (list === null) {
      malformed(`revocation list ${index + 1} of ${shown(file)} cannot be read`);
      return;
    }
    if (list.nextUpdateMs === null || list.nextUpdateMs > inspection.nowMs) continue;
    const message = `revocation list ${index + 1} of ${shown(file)} has expired on ${day(new Date(list.nextUpdateMs))}`;
    inspection.warn(file, message, "no client with a certificate of this authority gets in");
  }
}
