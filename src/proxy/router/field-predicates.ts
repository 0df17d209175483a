/**
 * Conditions on header fields. A field that occurs several times matches when any of its lines does;
 * lines are compared whole, lists in them are not taken apart. Values count as UTF-8.
 */
import { fieldIdOf, FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { Predicate } from "./predicate.ts";
import type { RouteInput } from "./route-input.ts";
import type { Pattern } from "./rule-pattern.ts";

/** A field name, ready for lookups. */
class FieldName {
  readonly #lower: Buffer;
  readonly #id: number;

  constructor(name: string) {
    this.#lower = Buffer.from(name.toLowerCase(), "latin1");
    this.#id = fieldIdOf(this.#lower, 0, this.#lower.length);
  }

  /** Index of the first line with this name at or after `from`; -1: none. */
  find(fields: Fields, from: number): number {
    return this.#id === FieldId.other ? fields.findNamed(this.#lower, from) : fields.find(this.#id, from);
  }
}

export class FieldIs implements Predicate {
  readonly cost = 1;
  readonly #name: FieldName;
  readonly #value: Buffer;

  constructor(name: string, value: string) {
    this.#name = new FieldName(name);
    this.#value = Buffer.from(value, "utf8");
  }

  matches(request: RouteInput): boolean {
    const fields = request.head.fields;
    let index = this.#name.find(fields, 0);
    while (index !== -1) {
      if (equalBytes(fields.bytes, fields.valueStart(index), fields.valueEnd(index), this.#value))
        return true;
      index = this.#name.find(fields, index + 1);
    }
    return false;
  }
}

export class FieldMatches implements Predicate {
  readonly cost = 3;
  readonly #name: FieldName;
  readonly #pattern: Pattern;

  constructor(name: string, pattern: Pattern) {
    this.#name = new FieldName(name);
    this.#pattern = pattern;
  }

  matches(request: RouteInput): boolean {
    const fields = request.head.fields;
    let index = this.#name.find(fields, 0);
    while (index !== -1) {
      const value = fields.bytes.toString("utf8", fields.valueStart(index), fields.valueEnd(index));
      if (this.#pattern.test(value)) return true;
      index = this.#name.find(fields, index + 1);
    }
    return false;
  }
}

function equalBytes(bytes: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  if (end - start !== expected.length) return false;
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}
