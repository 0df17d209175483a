/** Files in memory, for whatever reads certificates: with modes, and without a disk. */
import type { FileContent, FileReader } from "../../src/control/certificates/file-snapshot.ts";
import type { TestIdentity } from "./certificates.ts";

interface Stored {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly signature: string;
}

export class MemoryFiles implements FileReader {
  readonly #files = new Map<string, Stored>();
  #writes = 0;
  /** Called before each read: for files that change while they are read. */
  onRead: (path: string) => void = () => {};

  write(path: string, content: string | Uint8Array, mode = 0o600): string {
    this.#writes += 1;
    this.#files.set(path, { bytes: Buffer.from(content), mode, signature: String(this.#writes) });
    return path;
  }

  /** `NAME.pem` and `NAME.key`. */
  identity(name: string, { certPem, keyPem }: TestIdentity): void {
    this.write(`${name}.pem`, certPem, 0o644);
    this.write(`${name}.key`, keyPem);
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  read(path: string): FileContent {
    const stored = this.#files.get(path);
    this.onRead(path);
    return stored === undefined ? { kind: "unreadable", problem: "ENOENT" } : { kind: "content", ...stored };
  }

  signature(path: string): string {
    return this.#files.get(path)?.signature ?? "";
  }

  /** Every folder is there, but for those in `/nowhere`. */
  obstacle(path: string): string {
    return path.startsWith("/nowhere/") ? "ENOENT" : "";
  }
}
