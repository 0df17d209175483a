/** Reads a configuration file from disk: at start, at reload and for `check`. Feature row A1.1. */
import { open } from "node:fs/promises";
import type { Environment } from "../../base/environment.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import { type ConfigIssue, fileIssue } from "./issue.ts";
import { parseConfig } from "./parse-config.ts";

export interface LoadedConfig {
  readonly file: string;
  /** What was read; empty when it could not be. */
  readonly text: string;
  /** Absent when there is an error. */
  readonly config?: GatewayConfig;
  readonly issues: readonly ConfigIssue[];
}

/** Ten thousand routers take 2 MiB: a larger file is a mistake, such as a log or a device. */
export const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** Never rejects: a file that cannot be read is an issue, `cannot read config file: PATH: reason`. */
export async function loadConfigFile(file: string, env: Environment): Promise<LoadedConfig> {
  let text: string;
  try {
    text = await readText(file);
  } catch (error) {
    const message = `cannot read config file: ${file}: ${reasonOf(error)}`;
    return { file, text: "", issues: [fileIssue(file, message)] };
  }
  return { file, text, ...parseConfig(text, { file, env }) };
}

/** The whole file as UTF-8. Pipes and `/dev/stdin` are read to their end. */
async function readText(file: string): Promise<string> {
  const handle = await open(file, "r");
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_CONFIG_BYTES) throw new Error(`larger than ${MAX_CONFIG_BYTES} bytes`);
      chunks.push(chunk);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } finally {
    await handle.close();
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ERR_ENCODING_INVALID_ENCODED_DATA: "it is not UTF-8 text",
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  return Object.hasOwn(REASONS, code) ? (REASONS[code] ?? code) : error.message;
}
