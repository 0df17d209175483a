/** What the TOML parser hands over: tables without prototype, arrays, and scalars with integers as bigint. */

export type Table = Record<string, unknown>;

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The TOML type of a value, for messages. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a date";
  switch (typeof value) {
    case "string":
      return "a string";
    case "bigint":
      return "an integer";
    case "number":
      return "a float";
    case "boolean":
      return "a boolean";
    case "object":
    case "undefined":
    case "symbol":
    case "function":
      return "a table";
  }
}
