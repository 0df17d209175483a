/**
 * The schema as JSON Schema (draft 2020-12) for editors: `expressgateway schema`, and
 * `docs/config.schema.json`. TOML editors that follow taplo show `description`, complete from
 * `properties` and `enum`, and take `x-taplo` hints.
 */
import { parse } from "smol-toml";
import { bareUnit, DURATION_PATTERN, unitMs } from "./duration.ts";
import type {
  DurationField,
  EnumField,
  Field,
  NumberField,
  ObjectField,
  StringFormat,
  VariantField,
} from "./field.ts";
import { gatewaySchema } from "./schema/gateway.ts";

type Schema = Record<string, unknown>;

/** A string with a reference to the environment can be anything once it is expanded. */
const REFERENCE = "\\$\\{";

export function jsonSchema(): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "ExpressGateway configuration",
    ...describe("", gatewaySchema),
  };
}

function describe(key: string, field: Field): Schema {
  const result: Schema = {
    description: field.note === undefined ? field.doc : `${field.doc}\n\nCaution: ${field.note}`,
    ...shape(key, field),
  };
  const fallback = "default" in field ? field.default : undefined;
  const isExact = field.kind !== "duration" || field.unit === bareUnit(key);
  if (fallback !== undefined && isExact) result["default"] = fallback;
  if (field.example !== undefined) result["examples"] = [exampleValue(field.example)];
  return result;
}

/** The value that an example in TOML stands for. */
function exampleValue(example: string): unknown {
  return parse(`x = ${example}`)["x"];
}

function shape(key: string, field: Field): Schema {
  switch (field.kind) {
    case "string":
      return text(field.format);
    case "integer":
      return { type: "integer", ...range(field, 1) };
    case "number":
      return { type: "number", ...numberRange(field) };
    case "duration":
      return durationShape(key, field);
    case "boolean":
      return { type: "boolean" };
    case "enum":
      return { anyOf: [{ enum: spellings(field) }, { type: "string", pattern: REFERENCE }] };
    case "strings":
      return { type: "array", items: text(field.format), minItems: field.minItems, maxItems: field.maxItems };
    case "stringMap":
      return { type: "object", additionalProperties: { type: "string" } };
    case "object":
      return objectShape(field);
    case "variant":
      return variantShape(field);
    case "tables":
      return { type: "array", items: describe("", field.item), maxItems: field.maxItems };
    case "record":
      return { type: "object", additionalProperties: describe("", field.item) };
  }
}

function text(format: StringFormat): Schema {
  if (format.pattern === undefined) return { type: "string" };
  return { type: "string", pattern: `(?:${format.pattern})|${REFERENCE}` };
}

function spellings(field: EnumField): string[] {
  return [...field.values, ...Object.keys(field.synonyms)];
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly zeroMeans?: string;
}

/** Bounds in units of `scale`; a zero below the minimum is an alternative. */
function range(bounds: Range, scale: number): Schema {
  const minimum = Math.ceil(bounds.min / scale);
  const maximum = Math.floor(bounds.max / scale);
  if (bounds.zeroMeans === undefined || minimum <= 1) {
    return { minimum: bounds.zeroMeans === undefined ? minimum : 0, maximum };
  }
  return { anyOf: [{ const: 0 }, { minimum }], maximum };
}

function numberRange(field: NumberField): Schema {
  return { [field.excludeMin ? "exclusiveMinimum" : "minimum"]: field.min, maximum: field.max };
}

function durationShape(key: string, field: DurationField): Schema {
  const scale = unitMs(bareUnit(key)) / unitMs(field.unit);
  const written = { type: "string", pattern: `(?:${DURATION_PATTERN})|${REFERENCE}` };
  return { anyOf: [{ type: "integer", ...range(field, scale) }, written] };
}

function objectShape(field: ObjectField, tag?: { readonly name: string; readonly value: string }): Schema {
  const properties: Schema = {};
  const required: string[] = [];
  if (tag) {
    properties[tag.name] = { const: tag.value };
    required.push(tag.name);
  }
  for (const [key, inner] of Object.entries(field.fields)) {
    properties[key] = describe(key, inner);
    for (const alias of inner.aliases ?? []) properties[alias] = describe(alias, inner);
    if (inner.presence === "required" && inner.aliases === undefined) required.push(key);
  }
  const result: Schema = { type: "object", properties, additionalProperties: false };
  if (required.length > 0) Object.assign(result, { required, "x-taplo": { initKeys: required } });
  return result;
}

function variantShape(field: VariantField): Schema {
  const oneOf = Object.entries(field.variants).map(([value, variant]) => ({
    description: variant.doc,
    ...objectShape(variant, { name: field.tag, value }),
  }));
  return { type: "object", oneOf };
}
