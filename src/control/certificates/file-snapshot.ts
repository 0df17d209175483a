/**
 * The contents of many files as they were at one moment: read together, and read again when one of
 * them changed meanwhile, so that a certificate is not paired with the key of the one before. Used for
 * everything that `named-files.ts` tells.
 */
import { accessSync, closeSync, constants, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";

/** What one file holds, or why it could not be read. */
export type FileContent =
  | { readonly kind: "content"; readonly bytes: Buffer; readonly mode: number; readonly signature: string }
  /** `problem`: an errno name, or a reason in words. */
  | { readonly kind: "unreadable"; readonly problem: string };

/** How files are read; tests bring their own. */
export interface FileReader {
  read(path: string): FileContent;
  /** Changes when the file behind the path does; empty when there is none. */
  signature(path: string): string;
  /** Why no file could be made at a path where none is: errno name of its folder; empty: it could. */
  obstacle(path: string): string;
}

export type FileSnapshot = ReadonlyMap<string, FileContent>;

/** Revocation lists of large authorities have some megabytes; what is larger is not meant as one of these files. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** Attempts to see all files at rest. Whoever renews them is done by then; if not, the next signal finds them so. */
const MAX_ATTEMPTS = 5;

/** Reads the files. When they do not come to rest, what the last attempt saw is returned: its checks tell what is wrong. */
export function takeSnapshot(paths: Iterable<string>, files: FileReader = systemFiles): FileSnapshot {
  const wanted = new Set(paths);
  let snapshot: FileSnapshot = new Map();
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    snapshot = new Map([...wanted].map((path) => [path, files.read(path)]));
    if (isAtRest(snapshot, files)) break;
  }
  return snapshot;
}

function isAtRest(snapshot: FileSnapshot, files: FileReader): boolean {
  for (const [path, content] of snapshot) {
    if (content.kind === "content" && files.signature(path) !== content.signature) return false;
  }
  return true;
}

export const systemFiles: FileReader = {
  read(path) {
    try {
      return readOpened(openSync(path, "r"));
    } catch (error) {
      return { kind: "unreadable", problem: codeOf(error) };
    }
  },
  signature(path) {
    try {
      return signatureOf(statSync(path, { bigint: true }));
    } catch {
      return "";
    }
  },
  obstacle(path) {
    try {
      accessSync(dirname(path), constants.W_OK | constants.X_OK);
      return "";
    } catch (error) {
      return codeOf(error);
    }
  },
};

/** As `FileReader.signature`, without holding the process up. */
export async function fileSignature(path: string): Promise<string> {
  try {
    return signatureOf(await stat(path, { bigint: true }));
  } catch {
    return "";
  }
}

function readOpened(fd: number): FileContent {
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) return { kind: "unreadable", problem: "it is not a regular file" };
    if (stats.size > MAX_FILE_BYTES)
      return { kind: "unreadable", problem: `it has more than ${MAX_FILE_BYTES} bytes` };
    const mode = Number(stats.mode & 0o777n);
    return { kind: "content", bytes: readFileSync(fd), mode, signature: signatureOf(stats) };
  } finally {
    closeSync(fd);
  }
}

interface Identified {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

function signatureOf({ dev, ino, size, mtimeNs, ctimeNs }: Identified): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
