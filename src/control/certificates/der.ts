/**
 * Enough of DER (ITU-T X.690) to look into an OCSP response and a revocation list, which Node.js does not
 * parse: elements, their children, times. Every function returns `null` for what is not DER.
 */

export interface DerElement {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  readonly content: Buffer;
  /** Where the next element begins, in the buffer that this one was read from. */
  readonly end: number;
}

export const DER = {
  integer: 0x02,
  octetString: 0x04,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/** The longest form of a length that is read: 4 octets, which is more than any file here has. */
const MAX_LENGTH_OCTETS = 4;

export function readElement(bytes: Buffer, offset = 0): DerElement | null {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return null;
  if (first < 0x80) return elementAt(bytes, tag, offset + 2, first);
  const octets = first & 0x7f;
  const start = offset + 2 + octets;
  if (octets === 0 || octets > MAX_LENGTH_OCTETS || start > bytes.length) return null;
  return elementAt(bytes, tag, start, bytes.readUIntBE(offset + 2, octets));
}

function elementAt(bytes: Buffer, tag: number, start: number, length: number): DerElement | null {
  const end = start + length;
  return end > bytes.length ? null : { tag, content: bytes.subarray(start, end), end };
}

/** What a constructed element holds. */
export function childrenOf(element: DerElement | null | undefined, tag: number): DerElement[] | null {
  if (element === null || element === undefined || element.tag !== tag) return null;
  const children: DerElement[] = [];
  for (let offset = 0; offset < element.content.length;) {
    const child = readElement(element.content, offset);
    if (child === null) return null;
    children.push(child);
    offset = child.end;
  }
  return children;
}

/** Milliseconds since 1970 of a UTCTime or GeneralizedTime in the form that certificates have (RFC 5280 section 4.1.2.5). */
export function timeOf(element: DerElement | null | undefined): number | null {
  if (element === null || element === undefined) return null;
  const text = element.content.toString("latin1");
  if (element.tag === DER.generalizedTime) return millisecondsOf(text);
  if (element.tag !== DER.utcTime) return null;
  return millisecondsOf(`${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}`);
}

function millisecondsOf(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second] = match;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? null : time;
}
