/**
 * The character classes of RFC 9110 section 5.6 and RFC 9112 section 3 as tables of 256 entries: 1 for
 * a member, 0 otherwise. The parsers and the writers of `wire/` index them, one load per octet.
 */
export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const UNDERSCORE = 0x5f;

const ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Names of fields and methods, RFC 9110 section 5.6.2. */
export const TOKEN_OCTETS: Uint8Array = members(`!#$%&'*+-.^_\`|~${ALPHANUMERIC}`);

/** Inside a field value: VCHAR, SP, HTAB and obs-text, RFC 9110 section 5.5. No other control character. */
export const FIELD_VALUE_OCTETS: Uint8Array = octetsWhere(
  (octet) => octet === HTAB || (octet >= 0x20 && octet !== 0x7f),
);

/**
 * Inside a request target: visible ASCII without `#`. Wider than RFC 3986 (quotes, bars and
 * backslashes pass, as browsers send them), because none of these ends a target.
 */
export const TARGET_OCTETS: Uint8Array = octetsWhere(
  (octet) => octet > 0x20 && octet < 0x7f && octet !== 0x23,
);

/**
 * Inside a registered name or an IPv4 address, RFC 3986 section 3.2.2, without the comma (it would read
 * as a list of hosts) and without percent-encoding (no host name needs it, and a backend may decode it).
 */
export const HOST_OCTETS: Uint8Array = members(`-._~!$&'()*+;=${ALPHANUMERIC}`);

/** The value of a hexadecimal digit; 255 for every other octet. */
export const HEX_VALUES: Uint8Array = hexValues();

/** Whether the octet is optional whitespace, RFC 9110 section 5.6.3. */
export function isWhitespace(octet: number | undefined): boolean {
  return octet === SP || octet === HTAB;
}

function octetsWhere(isMember: (octet: number) => boolean): Uint8Array {
  const table = new Uint8Array(256);
  for (let octet = 0; octet < 256; octet++) table[octet] = isMember(octet) ? 1 : 0;
  return table;
}

function members(characters: string): Uint8Array {
  return octetsWhere((octet) => characters.includes(String.fromCharCode(octet)));
}

function hexValues(): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let value = 0; value < 16; value++) {
    const digit = value.toString(16);
    table[digit.charCodeAt(0)] = value;
    table[digit.toUpperCase().charCodeAt(0)] = value;
  }
  return table;
}
