/**
 * What must not outlive the bench, however it ends: processes, temporary folders. The orderly way
 * clears them first; this is for a failure in the middle and for Ctrl-C (`run.ts`).
 */

/** Calls `clean` when this process ends; it must not wait for anything. The result takes that back. */
export function atExit(clean: () => void): () => void {
  process.once("exit", clean);
  return () => void process.off("exit", clean);
}
