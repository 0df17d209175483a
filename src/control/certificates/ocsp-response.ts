/** What a stapled OCSP response says (RFC 6960 section 4.2.1). Its signature is for the client to check. */
import { childrenOf, DER, type DerElement, readElement, timeOf } from "./der.ts";

export type OcspStatus = "good" | "revoked" | "unknown";

/** The answer about one certificate. */
export interface OcspAnswer {
  /** Hexadecimal, upper case, without leading zeros. */
  readonly serial: string;
  readonly status: OcspStatus;
  /** `null`: newer information is always to be had. */
  readonly nextUpdateMs: number | null;
}

const SUCCESSFUL = 0;
const CONTEXT_0 = 0xa0;
const VERSION_TAG = 0xa0;

/** By the tag of CertStatus. */
const STATUS_OF_TAG: Readonly<Record<number, OcspStatus>> = {
  0x80: "good",
  0xa1: "revoked",
  0x82: "unknown",
};

/** The answers of a successful response; a reason in words when it is none. */
export function readOcspResponse(bytes: Buffer): readonly OcspAnswer[] | string {
  const outer = readElement(bytes);
  const [status, wrapper] = childrenOf(outer, DER.sequence) ?? [];
  if (outer?.end !== bytes.length || status?.tag !== DER.enumerated)
    return "it is not an OCSP response in DER";
  if (status.content[0] !== SUCCESSFUL) return `the responder answered with status ${status.content[0]}`;
  const [inner] = childrenOf(wrapper, CONTEXT_0) ?? [];
  const basic = childrenOf(inner, DER.sequence)?.[1];
  if (basic?.tag !== DER.octetString) return "it holds no answer";
  return answersOf(basic.content) ?? "its answer cannot be read";
}

function answersOf(bytes: Buffer): readonly OcspAnswer[] | null {
  const data = childrenOf(childrenOf(readElement(bytes), DER.sequence)?.[0], DER.sequence);
  if (data === null) return null;
  // version [0] is left out for version 1; then come responderID, producedAt, responses.
  const skipped = data[0]?.tag === VERSION_TAG ? 1 : 0;
  const responses = childrenOf(data[skipped + 2], DER.sequence);
  if (responses === null || responses.length === 0) return null;
  const answers = responses.map(answerOf);
  return answers.includes(null) ? null : (answers as OcspAnswer[]);
}

function answerOf(response: DerElement): OcspAnswer | null {
  const [certId, certStatus, thisUpdate, next] = childrenOf(response, DER.sequence) ?? [];
  const serial = childrenOf(certId, DER.sequence)?.[3];
  const status = STATUS_OF_TAG[certStatus?.tag ?? 0];
  if (serial?.tag !== DER.integer || status === undefined || timeOf(thisUpdate) === null) return null;
  const nextUpdateMs = timeOf(childrenOf(next, CONTEXT_0)?.[0]);
  return { serial: normalSerial(serial.content.toString("hex")), status, nextUpdateMs };
}

/** One spelling of a serial number. */
export function normalSerial(hex: string): string {
  return hex.replace(/^0+(?=.)/, "").toUpperCase();
}
