/**
 * What the browser is given: a page whose script asks for things and tells the server what it found. The
 * functions of the script run in the browser, as their source does.
 */
import { createHash } from "node:crypto";

/** What the script tells. */
export interface Report {
  /** Of the page itself: `h2`, `h3` and so on, as the browser says it. */
  readonly page: string;
  /** Fetches that were not over HTTP/3 yet, before the first that was. */
  readonly before: number;
  readonly upload: Fetched;
  readonly parallel: readonly Fetched[];
  /** When the script failed. */
  readonly error?: string;
}

export interface Fetched {
  readonly status: number;
  readonly protocol: string;
  /** The body of the answer. */
  readonly text: string;
}

export const UPLOAD_BYTES = 300_000;
export const PARALLEL = 50;

/** Each octet of the upload is its place, modulo a prime. */
const MODULUS = 251;

/** What the server must answer to the upload. */
export function uploadDigest(): string {
  const body = Uint8Array.from({ length: UPLOAD_BYTES }, (_, index) => index % MODULUS);
  return createHash("sha256").update(body).digest("hex");
}

export const PAGE = `<!doctype html>
<title>page</title>
<script type="module">
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ask = async (path, options) => {
  const response = await fetch(path, { cache: "no-store", ...options });
  const text = await response.text();
  const url = new URL(path, location.href).href;
  let entry;
  while ((entry = performance.getEntriesByName(url).at(-1)) === undefined) await pause(5);
  return { status: response.status, protocol: entry.nextHopProtocol, text };
};
const run = async () => {
  performance.setResourceTimingBufferSize(2000);
  const page = performance.getEntriesByType("navigation")[0].nextHopProtocol;
  let before = 0;
  while ((await ask("/part/first-" + before)).protocol !== "h3" && before < 100) {
    before++;
    await pause(50);
  }
  const body = Uint8Array.from({ length: ${UPLOAD_BYTES} }, (_, index) => index % ${MODULUS});
  const upload = await ask("/upload", { method: "POST", body });
  const parallel = await Promise.all(Array.from({ length: ${PARALLEL} }, (_, index) => ask("/part/" + index)));
  return { page, before, upload, parallel };
};
const report = await run().catch((error) => ({ error: String(error) }));
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
</script>
`;
