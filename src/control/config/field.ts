/**
 * What a configuration key can be. One tree of these values, `schema/gateway.ts`, is the source of the
 * reader (`read-field.ts`), of the TypeScript types (`Infer`), of `docs/CONFIG.md`, of the JSON Schema
 * and of `config/expressgateway.toml`. `define.ts` makes them.
 */

/** What every key says about itself. */
export interface FieldMeta {
  /** What the key does, in sentences. */
  readonly doc: string;
  /** A danger, or what a sentinel value switches off. */
  readonly note?: string;
  /** A value as it would be written in TOML. */
  readonly example?: string;
  /** Other spellings of the key. */
  readonly aliases?: readonly string[];
  /** The value is never shown: not in messages, not in logs. */
  readonly secret?: true;
  /** The default in words, where it is computed: `resolve.ts` fills it in. */
  readonly defaultText?: string;
}

/** Must be written; may be absent and is then `undefined`; or has a default. */
export type Presence = "required" | "optional" | "default";

interface FieldBase extends FieldMeta {
  readonly presence: Presence;
}

/** What a string check found: where in the string (code units), and how to put it right. */
export interface Complaint {
  readonly message: string;
  readonly offset?: number;
  readonly hint?: string;
}

/** A named shape of strings. */
export interface StringFormat {
  /** For people: `host:port`, `CIDR block`. */
  readonly name: string;
  check(value: string): Complaint | undefined;
  /** Its complaints never quote the value: they may be shown for a secret too. */
  readonly discreet?: true;
  /** What the JSON Schema can say of it. */
  readonly pattern?: string;
}

export interface StringField extends FieldBase {
  readonly kind: "string";
  readonly format: StringFormat;
  readonly default?: string;
}

export interface IntegerField extends FieldBase {
  readonly kind: "integer";
  readonly min: number;
  readonly max: number;
  /** Zero is allowed too, although it is below `min`, and means this. */
  readonly zeroMeans?: string;
  /** Why zero is refused, for keys where people try it. */
  readonly zeroRefused?: string;
  readonly unit?: string;
  readonly default?: number;
}

export interface NumberField extends FieldBase {
  readonly kind: "number";
  readonly min: number;
  readonly max: number;
  readonly excludeMin: boolean;
  readonly default?: number;
}

/** The unit in which a duration is held and its range is given. */
export type DurationUnit = "ms" | "s";

export interface DurationField extends FieldBase {
  readonly kind: "duration";
  readonly unit: DurationUnit;
  readonly min: number;
  readonly max: number;
  readonly zeroMeans?: string;
  readonly default?: number;
}

export interface BooleanField extends FieldBase {
  readonly kind: "boolean";
  readonly default?: boolean;
}

export interface EnumField extends FieldBase {
  readonly kind: "enum";
  readonly values: readonly string[];
  /** Other spellings of values. */
  readonly synonyms: Readonly<Record<string, string>>;
  /** Values that people try, with the reason why they are refused. */
  readonly refused: Readonly<Record<string, string>>;
  readonly default?: string;
}

export interface StringListField extends FieldBase {
  readonly kind: "strings";
  readonly format: StringFormat;
  readonly minItems: number;
  readonly maxItems: number;
  readonly default?: readonly string[];
}

/** A table from names to strings that the operator chooses. */
export interface StringMapField extends FieldBase {
  readonly kind: "stringMap";
  readonly keyFormat: StringFormat;
  readonly maxItems: number;
}

export type Fields = Readonly<Record<string, Field>>;

/** A table with known keys. `presence` `default`: when absent, it is there with its defaults. */
export interface ObjectField extends FieldBase {
  readonly kind: "object";
  readonly fields: Fields;
  /** Keys of other systems, with the word to use here. */
  readonly renamed: Readonly<Record<string, string>>;
}

/** An array of tables, `[[name]]`. */
export interface TablesField extends FieldBase {
  readonly kind: "tables";
  readonly item: ObjectField;
  readonly maxItems: number;
}

/** Tables under names that the operator chooses, `[name.NAME]`. */
export interface RecordField extends FieldBase {
  readonly kind: "record";
  readonly item: ObjectField | VariantField;
  readonly maxItems: number;
}

/** A table whose other keys depend on one of them. */
export interface VariantField extends FieldBase {
  readonly kind: "variant";
  readonly tag: string;
  readonly variants: Readonly<Record<string, ObjectField>>;
  /** Tags that people try, with the reason why they are refused. */
  readonly refused: Readonly<Record<string, string>>;
}

export type Field =
  | StringField
  | IntegerField
  | NumberField
  | DurationField
  | BooleanField
  | EnumField
  | StringListField
  | StringMapField
  | ObjectField
  | TablesField
  | RecordField
  | VariantField;

/** Carries the type of the value that a field reads to; no such property exists at run time. */
declare const out: unique symbol;
export interface Out<T> {
  readonly [out]?: readonly [T];
}

/** The TypeScript type of what a field reads to. */
export type Infer<F> = F extends Out<infer T> ? T : never;
