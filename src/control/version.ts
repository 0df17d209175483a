/** The program's version, from package.json: for `--version`, the log and the metrics. */
import { createRequire } from "node:module";

/** From `src/control` and from `dist/control` alike. */
const manifest = createRequire(import.meta.url)("../../package.json") as { readonly version: string };

export const VERSION: string = manifest.version;
