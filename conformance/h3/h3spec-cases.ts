/**
 * The cases of h3spec as data: what a server must say to each mistake. `h3spec.ts` reads them; the mistakes
 * themselves are in `client/`, under the same numbers.
 */
import { readFileSync } from "node:fs";

export interface H3specCase {
  readonly number: number;
  /** As in results: `quic/12`. */
  readonly id: string;
  /** The answer comes from QUIC, with a code of its own, and not from HTTP/3. */
  readonly byTransport: boolean;
  /** A mistake in one request: its stream ends, and the connection goes on (RFC 9114 section 4.1.2). */
  readonly ofStream: boolean;
  readonly title: string;
  readonly codes: ReadonlySet<number>;
}

interface RawCase {
  readonly n: number;
  readonly suite: "quic" | "h3";
  readonly desc: string;
  readonly codes: readonly string[];
  readonly also_ok: string;
}

const H3_MESSAGE_ERROR = 0x010e;

/** Codes in place of which QUIC allows more general ones (RFC 9000 section 11, RFC 9001 section 4.8). */
const GENERAL: Readonly<Record<string, readonly number[]>> = {
  // PROTOCOL_VIOLATION and INTERNAL_ERROR.
  "PROTOCOL_VIOLATION, INTERNAL_ERROR": [0x0a, 0x01],
  // The alerts internal_error and handshake_failure.
  "CRYPTO internal_error / handshake_failure": [0x0150, 0x0128],
};

/** In the order of the file. */
export function readH3specCases(file: URL): H3specCase[] {
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as { readonly cases: readonly RawCase[] };
  return cases.map(readCase);
}

/** In HTTP/3, which is all the gateway's own, only the code itself will do. */
function readCase({ n, suite, desc, codes, also_ok }: RawCase): H3specCase {
  const exact = codes.map(Number);
  const byTransport = suite === "quic";
  const general = byTransport ? GENERAL[also_ok] : [];
  if (general === undefined) throw new Error(`unknown codes in case ${n}: ${also_ok}`);
  return {
    number: n,
    id: `${suite}/${n}`,
    byTransport,
    ofStream: !byTransport && exact.includes(H3_MESSAGE_ERROR),
    title: desc,
    codes: new Set([...exact, ...general]),
  };
}
