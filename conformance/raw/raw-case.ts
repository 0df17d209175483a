/** A case of the relay of raw QUIC. */
import type { RawCell } from "./raw-cell.ts";

export interface RawCase {
  readonly name: string;
  /** Throws what failed. */
  readonly play: (cell: RawCell) => Promise<void>;
}
