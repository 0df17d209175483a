/**
 * What backends are told of the certificate that a client showed: `Client-Cert` (RFC 9440) has it
 * whole, `X-Forwarded-Client-Cert` has its fingerprint and names, in the format of Envoy. Made once per
 * connection. Feature row B23.
 */
import { X509Certificate } from "node:crypto";
import { FieldTemplate } from "../../wire/http/field-template.ts";
import { Fields } from "../../wire/http/fields.ts";
import type { ListenerTlsPlan } from "../plan.ts";

/** `der`: verified by the handshake. */
export function certificateFields(
  der: Buffer,
  forward: ListenerTlsPlan["forwardCertificate"],
): FieldTemplate | null {
  if (forward === "off") return null;
  const fields = new Fields();
  if (forward !== "xfcc") fields.addNamed("Client-Cert", `:${der.toString("base64")}:`);
  if (forward !== "client_cert")
    fields.addNamed("X-Forwarded-Client-Cert", describe(new X509Certificate(der)));
  return new FieldTemplate(fields);
}

/** Lower-case names of fields that only we may send to a backend. The two prefixes of RFC 9440 and Envoy's. */
export const CERTIFICATE_CLAIMS = ["client-cert", "client-cert-chain", "x-forwarded-client-cert"].map(
  (name) => Buffer.from(name, "latin1"),
);

function describe(certificate: X509Certificate): string {
  const hash = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  const names = alternativeNames(certificate.subjectAltName ?? "");
  const parts = [
    `Hash=${hash}`,
    // RFC 4514 has escaped what the field would have to.
    `Subject="${subjectOf(certificate)}"`,
    ...names.filter(({ kind }) => kind === "URI").map(({ value }) => `URI=${plainOrQuoted(value)}`),
    ...names.filter(({ kind }) => kind === "DNS").map(({ value }) => `DNS=${plainOrQuoted(value)}`),
  ];
  return parts.join(";");
}

/** As RFC 4514 writes it: the most specific part first. The runtime has one part on each line, escaped already. */
function subjectOf({ subject }: X509Certificate): string {
  const parts = subject === "" ? [] : subject.split("\n");
  return parts.toReversed().map(asciiOf).join(",");
}

/** Octets beyond ASCII in the hexadecimal form of RFC 4514 section 2.4, as field values are ASCII. */
function asciiOf(text: string): string {
  return text.replaceAll(/[^ -~]+/g, (part) =>
    Array.from(Buffer.from(part), (octet) => `\\${octet.toString(16).padStart(2, "0").toUpperCase()}`).join(
      "",
    ),
  );
}

interface AlternativeName {
  readonly kind: string;
  readonly value: string;
}

/** An entry of the runtime's list: plain up to the next comma, or a JSON string where it holds anything unusual. */
const ENTRY = /(?:^|, )(DNS|URI):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g;

function alternativeNames(list: string): AlternativeName[] {
  return Array.from(list.matchAll(ENTRY), ([, kind = "", text = ""]) => {
    const value = text.startsWith('"') ? (JSON.parse(text) as string) : text;
    return { kind, value };
  }).filter(({ value }) => VISIBLE.test(value));
}

/** Names of a certificate are ASCII (RFC 5280 section 4.2.1.6); anything else is left out. */
const VISIBLE = /^[ -~]+$/;

/** The characters that separate things in the field. */
const SEPARATOR = /[,;="]/;

function plainOrQuoted(value: string): string {
  return SEPARATOR.test(value) ? quoted(value) : value;
}

function quoted(value: string): string {
  return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
