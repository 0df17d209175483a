/** What somebody perhaps meant who gave a name that does not exist. */
import { closest } from "../../../base/closest.ts";

/** Names that a misspelt one is compared with: each costs microseconds, and each report compares anew. */
const MAX_COMPARED = 1000;

/** What was perhaps meant, and what there is. */
export function knownHint(name: string, known: readonly string[]): string {
  const near = closest(name, known.slice(0, MAX_COMPARED));
  if (near !== undefined) return `did you mean "${near}"?`;
  if (known.length === 0) return "the file has none";
  const shown = known.slice(0, 10).join(", ");
  return `there are: ${shown}${known.length > 10 ? ", ..." : ""}`;
}
