/**
 * How a backend tells what a proxy sent it: a response field that lists its own port and the fields
 * that every proxy of the bench has to add. `equal-work.ts` reads it.
 */

/** The fields, in the order of the list. */
export const ADDED_FIELDS = [
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-request-id",
  "traceparent",
] as const;

export const SEEN_HEADER = "X-Seen";

/** For nginx: name and value of `add_header`. */
export const NGINX_SEEN = `${SEEN_HEADER} "$server_port ${ADDED_FIELDS.map((name) => `$http_${name.replaceAll("-", "_")}`).join("|")}" always`;

/** The same value for a backend that has the fields at hand; one that is missing is empty. */
export function seenValue(port: number, field: (name: string) => string): string {
  return `${port} ${ADDED_FIELDS.map(field).join("|")}`;
}

export interface Seen {
  readonly port: number;
  /** Fields that did not come, or came empty. */
  readonly missing: readonly string[];
}

export function parseSeen(value: string): Seen {
  const space = value.indexOf(" ");
  const values = value.slice(space + 1).split("|");
  return {
    port: Number(value.slice(0, space)),
    missing: ADDED_FIELDS.filter((_, index) => (values[index] ?? "") === ""),
  };
}
