/** What is wrong with a file that a configuration names. The checks make them; `check` and rotations report them. */
import type { ConfigPath } from "../config/issue.ts";

/** Why certificates could not be taken over: the `reason` of `cert_rotation_failed_total`. `refused`: by the data plane. */
export type RotationFailure = "unreadable" | "permissions" | "malformed" | "mismatch" | "chain" | "refused";

export const ROTATION_FAILURES: readonly RotationFailure[] = [
  "unreadable",
  "permissions",
  "malformed",
  "mismatch",
  "chain",
  "refused",
];

export interface Finding {
  /** `null`: a warning. */
  readonly failure: RotationFailure | null;
  readonly at: ConfigPath;
  readonly message: string;
  readonly hint?: string;
}

/** Some files cannot be used. `message` names all that is wrong. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
  /** Of the first one. */
  readonly reason: RotationFailure;

  constructor(findings: readonly Finding[]) {
    super(findings.map(({ message }) => message).join("; "));
    this.reason = findings[0]?.failure ?? "refused";
  }
}
