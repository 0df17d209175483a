/** Reads the keys that hold one value or a list of strings; `read-field.ts` reads the tables around them. */
import { bareUnit, parseDuration, unitMs } from "./duration.ts";
import type {
  BooleanField,
  Complaint,
  DurationField,
  EnumField,
  Field,
  IntegerField,
  NumberField,
  StringField,
  StringListField,
} from "./field.ts";
import type { ConfigPath, IssueCollector } from "./issue.ts";
import { closest } from "../../base/closest.ts";
import { quote, shorten } from "./quote.ts";
import { describe } from "./toml-value.ts";

export type ScalarField =
  | StringField
  | IntegerField
  | NumberField
  | DurationField
  | BooleanField
  | EnumField
  | StringListField;

/** Reads a value that is there. What is wrong is reported, and a placeholder comes back. */
export function readScalar(
  field: ScalarField,
  raw: unknown,
  path: ConfigPath,
  issues: IssueCollector,
): unknown {
  const reader = new ScalarReader(path, issues);
  switch (field.kind) {
    case "string":
      return reader.string(field, raw);
    case "integer":
      return reader.integer(field, raw);
    case "number":
      return reader.number(field, raw);
    case "duration":
      return reader.duration(field, raw);
    case "boolean":
      return reader.boolean(field, raw);
    case "enum":
      return reader.oneOf(field, raw);
    case "strings":
      return reader.strings(field, raw);
  }
}

/** The value that stands in for one that cannot be used: the default, else the least of its kind. */
export function zeroOf(field: Field): unknown {
  if ("default" in field && field.default !== undefined) return field.default;
  if (field.presence === "optional") return undefined;
  switch (field.kind) {
    case "string":
      return "";
    case "integer":
    case "number":
    case "duration":
      return field.min;
    case "boolean":
      return false;
    case "enum":
      return field.values[0];
    case "strings":
    case "tables":
      return [];
    case "stringMap":
    case "record":
      return Object.create(null);
    case "object":
      return Object.fromEntries(Object.entries(field.fields).map(([key, inner]) => [key, zeroOf(inner)]));
    case "variant": {
      const [tag, first] = Object.entries(field.variants)[0] ?? [];
      return { [field.tag]: tag, ...Object(first && zeroOf(first)) };
    }
  }
}

class ScalarReader {
  readonly #path: ConfigPath;
  readonly #issues: IssueCollector;

  constructor(path: ConfigPath, issues: IssueCollector) {
    this.#path = path;
    this.#issues = issues;
  }

  string(field: StringField, raw: unknown): unknown {
    if (typeof raw !== "string") return this.#wrongKind(field, "a string", raw);
    const complaint = field.format.check(raw);
    if (!complaint) return raw;
    const message = messageOf(complaint, field, raw);
    this.#issues.invalid(this.#path, message, { ...complaint, secret: field.secret === true });
    return zeroOf(field);
  }

  integer(field: IntegerField, raw: unknown): unknown {
    if (typeof raw !== "bigint") return this.#wrongKind(field, "an integer", raw);
    if (raw === 0n && field.zeroRefused !== undefined) {
      return this.#refuse(field, "0 is not allowed", field.zeroRefused);
    }
    if (inRange(field, raw)) return Number(raw);
    return this.#refuse(field, `${shorten(String(raw))} is out of range`, `allowed: ${rangeText(field)}`);
  }

  number(field: NumberField, raw: unknown): unknown {
    if (typeof raw !== "bigint" && typeof raw !== "number") return this.#wrongKind(field, "a number", raw);
    const value = Number(raw);
    const above = field.excludeMin ? value > field.min : value >= field.min;
    if (above && value <= field.max) return value;
    return this.#refuse(field, `${shorten(String(raw))} is out of range`, `allowed: ${rangeText(field)}`);
  }

  duration(field: DurationField, raw: unknown): unknown {
    const ms = this.#milliseconds(raw);
    if (ms === undefined) return zeroOf(field);
    const value = ms / unitMs(field.unit);
    if (!Number.isInteger(value)) {
      return this.#refuse(field, "not a whole number of seconds", "this key counts in seconds");
    }
    if (inRange(field, BigInt(value))) return value;
    return this.#refuse(field, `${describeSpan(raw)} is out of range`, `allowed: ${rangeText(field)}`);
  }

  boolean(field: BooleanField, raw: unknown): unknown {
    return typeof raw === "boolean" ? raw : this.#wrongKind(field, "true or false", raw);
  }

  oneOf(field: EnumField, raw: unknown): unknown {
    if (typeof raw !== "string") return this.#wrongKind(field, "a string", raw);
    if (field.values.includes(raw)) return raw;
    if (Object.hasOwn(field.synonyms, raw)) return field.synonyms[raw];
    const allowed = `allowed: ${field.values.map((value) => `"${value}"`).join(", ")}`;
    const reason = Object.hasOwn(field.refused, raw) ? field.refused[raw] : undefined;
    const spellings = [...field.values, ...Object.keys(field.synonyms)];
    const near = reason === undefined ? closest(raw, spellings) : undefined;
    const lead = reason ?? (near === undefined ? undefined : `did you mean "${near}"?`);
    const hint = lead === undefined ? allowed : `${lead} ${allowed}`;
    return this.#refuse(field, `${quote(raw)} is not a valid ${String(this.#path.at(-1))}`, hint);
  }

  strings(field: StringListField, raw: unknown): unknown {
    if (!Array.isArray(raw)) return this.#wrongKind(field, "an array of strings", raw);
    if (raw.length < field.minItems || raw.length > field.maxItems) {
      return this.#refuse(
        field,
        `${raw.length} entries`,
        `from ${field.minItems} to ${field.maxItems} are allowed`,
      );
    }
    return raw.map((item: unknown, index) => this.#item(field, item, [...this.#path, index]));
  }

  #item(field: StringListField, item: unknown, path: ConfigPath): string {
    if (typeof item !== "string") {
      const secret = field.secret === true;
      this.#issues.invalid(path, `expected a string, found ${describe(item)}`, { secret });
      return "";
    }
    const complaint = field.format.check(item);
    if (complaint) {
      const message = messageOf(complaint, field, item);
      this.#issues.invalid(path, message, { ...complaint, secret: field.secret === true });
    }
    return item;
  }

  /** A span as written: a string with a unit, or a bare number in the unit of the key. */
  #milliseconds(raw: unknown): number | undefined {
    const unit = bareUnit(String(this.#path.at(-1)));
    if (typeof raw === "bigint") return clamp(raw) * unitMs(unit);
    const ms = typeof raw === "string" ? parseDuration(raw) : undefined;
    if (ms === undefined) {
      const found = typeof raw === "string" ? quote(raw) : describe(raw);
      const hint = `as in "500ms", "10s", "5m", "1h", or a whole number of ${unit === "ms" ? "milliseconds" : "seconds"}`;
      this.#issues.invalid(this.#path, `expected a duration, found ${found}`, { hint });
    }
    return ms;
  }

  #wrongKind(field: Field, expected: string, raw: unknown): unknown {
    this.#issues.invalid(this.#path, `expected ${expected}, found ${describe(raw)}`, {
      secret: field.secret === true,
    });
    return zeroOf(field);
  }

  #refuse(field: Field, message: string, hint: string): unknown {
    this.#issues.invalid(this.#path, message, { hint, secret: field.secret === true });
    return zeroOf(field);
  }
}

/** Complaints may quote the value, which a secret's must not, unless they are known not to. */
function messageOf(complaint: Complaint, field: StringField | StringListField, value: string): string {
  if (!field.secret || value === "" || field.format.discreet) return complaint.message;
  return `the value does not fit; expected: ${field.format.name}`;
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly zeroMeans?: string;
}

function inRange(range: Range, value: bigint): boolean {
  if (value === 0n && range.zeroMeans !== undefined) return true;
  return value >= BigInt(range.min) && value <= BigInt(range.max);
}

/** Beyond what a number holds exactly, only "too large" matters. */
function clamp(value: bigint): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  if (value > limit) return Number.MAX_SAFE_INTEGER;
  return value < -limit ? -Number.MAX_SAFE_INTEGER : Number(value);
}

function describeSpan(raw: unknown): string {
  return typeof raw === "string" ? quote(raw) : shorten(String(raw));
}

/** `100 to 60000 ms`, `0 (off) or 1000 to 10000000`, `more than 0, up to 1`. */
export function rangeText(field: IntegerField | NumberField | DurationField): string {
  if (field.kind === "number" && field.excludeMin) return `more than ${field.min}, up to ${field.max}`;
  const unit = "unit" in field && field.unit !== undefined ? ` ${field.unit}` : "";
  const range = `${field.min} to ${field.max}${unit}`;
  const zero = "zeroMeans" in field && field.zeroMeans !== undefined && field.min > 0;
  return zero ? `0 (${field.zeroMeans}) or ${range}` : range;
}
