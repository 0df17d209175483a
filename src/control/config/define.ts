/**
 * The words in which the schema is written: one function per kind of key. They add nothing but the
 * TypeScript type of the value, worked out from whether the key is required or has a default.
 */
import type {
  BooleanField,
  DurationField,
  DurationUnit,
  EnumField,
  Field,
  FieldMeta,
  Infer,
  IntegerField,
  NumberField,
  ObjectField,
  Out,
  Presence,
  RecordField,
  StringField,
  StringFormat,
  StringListField,
  StringMapField,
  TablesField,
  VariantField,
} from "./field.ts";
import { anyText, fieldName } from "./format.ts";

interface Options extends FieldMeta {
  readonly required?: true;
}

/** `T`, or with `undefined` when the key may be absent without a default. */
type Present<O, T> = O extends { readonly required: true }
  ? T
  : O extends { readonly default: unknown }
    ? T
    : T | undefined;

function presenceOf(options: { readonly required?: true; readonly default?: unknown }): Presence {
  if (options.required) return "required";
  return options.default === undefined ? "optional" : "default";
}

interface StringOptions extends Options {
  readonly format?: StringFormat;
  readonly default?: string;
}

export function string<const O extends StringOptions>(options: O): StringField & Out<Present<O, string>> {
  return { format: anyText, ...options, kind: "string", presence: presenceOf(options) };
}

interface IntegerOptions extends Options {
  readonly min: number;
  readonly max: number;
  readonly zeroMeans?: string;
  readonly zeroRefused?: string;
  readonly unit?: string;
  readonly default?: number;
}

export function integer<const O extends IntegerOptions>(options: O): IntegerField & Out<Present<O, number>> {
  return { ...options, kind: "integer", presence: presenceOf(options) };
}

interface NumberOptions extends Options {
  readonly min: number;
  readonly max: number;
  readonly excludeMin?: boolean;
  readonly default?: number;
}

export function number<const O extends NumberOptions>(options: O): NumberField & Out<Present<O, number>> {
  return { excludeMin: false, ...options, kind: "number", presence: presenceOf(options) };
}

interface DurationOptions extends Options {
  readonly unit: DurationUnit;
  readonly min: number;
  readonly max: number;
  readonly zeroMeans?: string;
  readonly default?: number;
}

/** A span of time, held as a number of `unit`. */
export function duration<const O extends DurationOptions>(
  options: O,
): DurationField & Out<Present<O, number>> {
  return { ...options, kind: "duration", presence: presenceOf(options) };
}

interface BooleanOptions extends Options {
  readonly default?: boolean;
}

export function boolean<const O extends BooleanOptions>(options: O): BooleanField & Out<Present<O, boolean>> {
  return { ...options, kind: "boolean", presence: presenceOf(options) };
}

interface EnumOptions<V extends string> extends Options {
  readonly values: readonly V[];
  readonly synonyms?: Readonly<Record<string, V>>;
  readonly refused?: Readonly<Record<string, string>>;
  readonly default?: V;
}

export function oneOf<const V extends string, const O extends EnumOptions<V>>(
  options: O & { readonly values: readonly V[] },
): EnumField & Out<Present<O, V>> {
  return { synonyms: {}, refused: {}, ...options, kind: "enum", presence: presenceOf(options) };
}

interface StringListOptions extends Options {
  readonly format?: StringFormat;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly default?: readonly string[];
}

/** Entries of a list of strings, unless the key says otherwise: more than anyone writes by hand. */
const MAX_STRINGS = 4096;

export function strings<const O extends StringListOptions>(
  options: O,
): StringListField & Out<Present<O, readonly string[]>> {
  return {
    format: anyText,
    minItems: 0,
    maxItems: MAX_STRINGS,
    ...options,
    kind: "strings",
    presence: presenceOf(options),
  };
}

interface StringMapOptions extends FieldMeta {
  readonly keyFormat?: StringFormat;
  readonly maxItems?: number;
}

export function stringMap(options: StringMapOptions): StringMapField & Out<Readonly<Record<string, string>>> {
  return { keyFormat: fieldName, maxItems: MAX_STRINGS, ...options, kind: "stringMap", presence: "default" };
}

type Shape<F> = { readonly [K in keyof F]: Infer<F[K]> };

interface ObjectOptions<F> extends FieldMeta {
  readonly fields: F;
  readonly renamed?: Readonly<Record<string, string>>;
  readonly required?: true;
}

/** A table that is there with its defaults when the file does not name it. */
export function table<const F extends Readonly<Record<string, Field>>>(
  options: ObjectOptions<F>,
): ObjectField & Out<Shape<F>> {
  return { renamed: {}, ...options, kind: "object", presence: options.required ? "required" : "default" };
}

/** A table whose mere presence means something: `undefined` when the file does not name it. */
export function optionalTable<const F extends Readonly<Record<string, Field>>>(
  options: ObjectOptions<F>,
): ObjectField & Out<Shape<F> | undefined> {
  return { renamed: {}, ...options, kind: "object", presence: "optional" };
}

interface TablesOptions<I> extends FieldMeta {
  readonly item: I;
  readonly maxItems: number;
}

export function tables<const I extends ObjectField>(
  options: TablesOptions<I>,
): TablesField & Out<readonly Infer<I>[]> {
  return { ...options, kind: "tables", presence: "default" };
}

export function record<const I extends ObjectField | VariantField>(
  options: TablesOptions<I>,
): RecordField & Out<Readonly<Record<string, Infer<I>>>> {
  return { ...options, kind: "record", presence: "default" };
}

type VariantShape<T extends string, V> = {
  [K in keyof V]: { readonly [P in T]: K } & Infer<V[K]>;
}[keyof V];

interface VariantOptions<T, V> extends FieldMeta {
  readonly tag: T;
  readonly variants: V;
  readonly refused?: Readonly<Record<string, string>>;
}

export function variant<const T extends string, const V extends Readonly<Record<string, ObjectField>>>(
  options: VariantOptions<T, V>,
): VariantField & Out<VariantShape<T, V>> {
  return { refused: {}, ...options, kind: "variant", presence: "required" };
}
