/**
 * The file with the Retry secret of a QUIC listener. One that is not there is right, as the start makes it
 * (`mint-secret.ts`), if it can. Feature rows A3.2, A10.1.
 */
import { RETRY_KEY_BYTES } from "../../wire/quic/retry-token.ts";
import { type Inspection, shown } from "./inspection.ts";
import type { SecretPlace } from "./named-files.ts";

/** Bits of access for the group and for others: whoever knows the secret can pretend to be any client. */
const NOT_THE_OWNERS = 0o077;

export function checkSecret(inspection: Inspection, { file }: SecretPlace): void {
  if (inspection.isAbsent(file)) {
    checkFolder(inspection, file);
    return;
  }
  const content = inspection.read(file);
  if (content === null) return;
  if ((content.mode & NOT_THE_OWNERS) !== 0) {
    const mode = content.mode.toString(8).padStart(4, "0");
    const message = `others than its owner have access to the Retry secret ${shown(file)}: its mode is ${mode}`;
    inspection.fail(file, { failure: "permissions", message, hint: "chmod 600" });
  }
  const { length } = content.bytes;
  if (length === RETRY_KEY_BYTES) return;
  const message = `the Retry secret ${shown(file)} has ${length} bytes, and must have ${RETRY_KEY_BYTES}`;
  const hint = `remove it, and it is made anew; or: head -c ${RETRY_KEY_BYTES} /dev/urandom > FILE`;
  inspection.fail(file, { failure: "malformed", message, hint });
}

function checkFolder(inspection: Inspection, file: SecretPlace["file"]): void {
  const obstacle = inspection.obstacle(file);
  if (obstacle === "") return;
  const reason = REASONS[obstacle] ?? `its folder cannot be used (${obstacle})`;
  const message = `the Retry secret ${shown(file)} is not there and cannot be made: ${reason}`;
  inspection.fail(file, { failure: "unreadable", message, hint: "folders are not made" });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist",
  EACCES: "its folder is not ours to write to",
  EROFS: "its folder is on a read-only file system",
};
