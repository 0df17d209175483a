/**
 * Makes the file of a Retry secret where there is none: at start, at a reload and at a rotation, before the
 * files are read, and never by `check`. Feature row A10.1.
 */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, unlinkSync, writeSync } from "node:fs";
import type { Log } from "../../base/log.ts";
import { RETRY_KEY_BYTES } from "../../wire/quic/retry-token.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { ConfigPath } from "../config/issue.ts";
import { CertificateError } from "./finding.ts";
import { filePlaces } from "./named-files.ts";

const OWNER_ONLY = 0o600;

/** Throws `CertificateError`. */
export function mintMissingSecrets(config: GatewayConfig, log: Log): void {
  for (const place of filePlaces(config)) {
    if (place.kind !== "secret" || existsSync(place.file.path)) continue;
    if (mint(place.file.path, place.file.at)) log.info({ path: place.file.path }, "Retry secret made");
  }
}

/** False: another process was faster, and its secret is the one that counts. */
function mint(path: string, at: ConfigPath): boolean {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    writeDraft(draft);
    try {
      return publish(draft, path);
    } finally {
      unlinkSync(draft);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const message = `cannot make the Retry secret ${JSON.stringify(path)}: ${code}`;
    throw new CertificateError([{ failure: "unreadable", at, message }]);
  }
}

/** Whole and on the disk before it has its name: nobody ever reads a part of it. */
function writeDraft(draft: string): void {
  const fd = openSync(draft, "wx", OWNER_ONLY);
  try {
    writeSync(fd, randomBytes(RETRY_KEY_BYTES));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A link, as a rename would replace the secret that others use already. */
function publish(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
