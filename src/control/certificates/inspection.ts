/**
 * One look at all files of a configuration: what the checks find, and what they have read on the way,
 * each file once however often it is named. `load-certificates.ts` makes one and passes it around.
 */
import { X509Certificate } from "node:crypto";
import type { FileContent, FileReader, FileSnapshot } from "./file-snapshot.ts";
import type { Finding, RotationFailure } from "./finding.ts";
import type { PlacedPath } from "./named-files.ts";
import { pemBlocks } from "./pem.ts";
import { type SubjectNames, subjectNames } from "./subject-names.ts";

/** A certificate that is closer to its end than this is worth a warning. */
export const EXPIRY_WARNING_MS = 14 * 24 * 60 * 60 * 1000;

/** Certificates in one chain or bundle of authorities: the public ones that systems trust are about 150. */
const MAX_CERTIFICATES_IN_FILE = 1000;

/** What a PEM file with certificates holds. */
export interface CertificateFile {
  readonly certificates: readonly X509Certificate[];
  /** Of the first one. */
  readonly names: SubjectNames;
  /** Of the first one. */
  readonly serial: string;
}

interface Problem {
  readonly failure: RotationFailure;
  readonly message: string;
  readonly hint?: string;
}

export class Inspection {
  readonly findings: Finding[] = [];
  readonly nowMs: number;
  readonly #snapshot: FileSnapshot;
  readonly #files: FileReader;
  readonly #parsed = new Map<string, CertificateFile | Problem>();

  constructor(snapshot: FileSnapshot, files: FileReader, nowMs: number) {
    this.#snapshot = snapshot;
    this.#files = files;
    this.nowMs = nowMs;
  }

  fail(place: PlacedPath, problem: Problem): null {
    this.findings.push({ at: place.at, ...problem });
    return null;
  }

  warn(place: PlacedPath, message: string, hint?: string): void {
    const finding = { failure: null, at: place.at, message };
    this.findings.push(hint === undefined ? finding : { ...finding, hint });
  }

  /** The file, or `null` after a finding. */
  read(place: PlacedPath): Extract<FileContent, { kind: "content" }> | null {
    const content = this.#snapshot.get(place.path);
    if (content?.kind === "content") return content;
    const problem = content?.problem ?? "it was not read";
    return this.fail(place, { failure: "unreadable", message: `cannot read ${shown(place)}: ${problem}` });
  }

  /** Nothing is at the path; anything else is, or is hidden, otherwise. */
  isAbsent({ path }: PlacedPath): boolean {
    const content = this.#snapshot.get(path);
    return content?.kind === "unreadable" && content.problem === "ENOENT";
  }

  /** Why no file can be made at the path; empty: one can. */
  obstacle({ path }: PlacedPath): string {
    return this.#files.obstacle(path);
  }

  /** The certificates in a file, or `null` after a finding. */
  certificates(place: PlacedPath): CertificateFile | null {
    const content = this.read(place);
    if (content === null) return null;
    let parsed = this.#parsed.get(place.path);
    if (parsed === undefined) {
      parsed = parseCertificates(content.bytes.toString("latin1"), shown(place));
      this.#parsed.set(place.path, parsed);
    }
    return "failure" in parsed ? this.fail(place, parsed) : parsed;
  }

  /** Warns when one of the certificates is not valid, or soon not any more. */
  checkTimes(place: PlacedPath, { certificates }: CertificateFile): void {
    for (const [index, { validFromDate, validToDate }] of certificates.entries()) {
      const what = certificates.length === 1 ? "" : `certificate ${index + 1} of `;
      const to = validToDate.getTime();
      if (validFromDate.getTime() > this.nowMs) {
        this.warn(place, `${what}${shown(place)} is not valid before ${day(validFromDate)}`);
      } else if (to <= this.nowMs) {
        this.warn(place, `${what}${shown(place)} has expired on ${day(validToDate)}`);
      } else if (to - this.nowMs < EXPIRY_WARNING_MS) {
        this.warn(place, `${what}${shown(place)} expires soon, on ${day(validToDate)}`);
      }
    }
  }
}

/** The path, as it stands in messages. */
export function shown({ path }: PlacedPath): string {
  return JSON.stringify(path);
}

export function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function parseCertificates(text: string, file: string): CertificateFile | Problem {
  const blocks = pemBlocks(text, "CERTIFICATE");
  if (blocks.length === 0) return malformed(`${file} holds no certificate in PEM`);
  if (blocks.length > MAX_CERTIFICATES_IN_FILE)
    return malformed(`${file} holds more than ${MAX_CERTIFICATES_IN_FILE} certificates`);
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    const certificate = parseCertificate(block);
    if (certificate === null) return malformed(`certificate ${index + 1} of ${file} cannot be read`);
    certificates.push(certificate);
  }
  const [first] = certificates as [X509Certificate];
  return { certificates, names: subjectNames(first), serial: first.serialNumber };
}

function parseCertificate(block: string): X509Certificate | null {
  try {
    return new X509Certificate(block);
  } catch {
    return null;
  }
}

function malformed(message: string): Problem {
  return { failure: "malformed", message };
}
