/**
 * Finds and loads the native binding of quiche, the QUIC implementation behind `quiche-engine.ts`. It is
 * loaded when it is asked for, so that a gateway without QUIC listeners does without it, and so does one
 * on a machine that there is no binary for.
 */
import type { Quiche } from "@matrixai/quic/native/quiche.js";

export type QuicheLoad =
  | { readonly kind: "loaded"; readonly quiche: Quiche }
  | { readonly kind: "missing"; readonly reason: string };

/** What is imported; a test names something that is not there. */
type Importer = () => Promise<{ readonly default: Quiche }>;

/** Loads the binding (once: the module system remembers it), or says in one line why it cannot. */
export async function loadQuiche(
  importer: Importer = () => import("@matrixai/quic/native/quiche.js"),
): Promise<QuicheLoad> {
  try {
    return { kind: "loaded", quiche: (await importer()).default };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const machine = `${process.platform}-${process.arch}`;
    const detail = text.split("\n", 1)[0] ?? "";
    return { kind: "missing", reason: `there is no QUIC engine for ${machine} (@matrixai/quic: ${detail})` };
  }
}
