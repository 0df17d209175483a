/** PEM (RFC 7468): the blocks of a text by their labels. */

/** The label of a block: what stands after BEGIN. */
export type PemLabel = "CERTIFICATE" | "X509 CRL";

/** The blocks with this label, each with its boundary lines; text around and between is passed over. */
export function pemBlocks(text: string, label: PemLabel): string[] {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const blocks: string[] = [];
  let from = text.indexOf(begin);
  while (from !== -1) {
    const to = text.indexOf(end, from);
    if (to === -1) break;
    blocks.push(text.slice(from, to + end.length));
    from = text.indexOf(begin, to);
  }
  return blocks;
}

/** The DER inside a block; `null` when it is not base64. */
export function derOf(block: string): Buffer | null {
  const lines = block.split(/\r?\n/).slice(1, -1).join("");
  return /^[A-Za-z0-9+/=\s]+$/.test(lines) ? Buffer.from(lines, "base64") : null;
}
