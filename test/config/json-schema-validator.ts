/** Validates against the part of JSON Schema (draft 2020-12) that our schema uses, for the tests. */

type Schema = Readonly<Record<string, unknown>>;

/** Keywords that say nothing about validity. */
const ANNOTATIONS = new Set(["$schema", "title", "description", "default", "examples", "x-taplo"]);

/** What is wrong, with its path; empty when the value is valid. Throws for a keyword that it does not know. */
export function findFaults(schema: Schema, value: unknown, path = ""): string[] {
  return Object.entries(schema).flatMap(([keyword, argument]) => {
    if (ANNOTATIONS.has(keyword)) return [];
    return checkKeyword({ keyword, argument, schema, value, path });
  });
}

interface Check {
  readonly keyword: string;
  readonly argument: unknown;
  readonly schema: Schema;
  readonly value: unknown;
  readonly path: string;
}

function checkKeyword({ keyword, argument, schema, value, path }: Check): string[] {
  const fault = (isValid: boolean) => (isValid ? [] : [`${path}: ${keyword}`]);
  const isNumber = typeof value === "number";
  switch (keyword) {
    case "type":
      return fault(hasType(value, String(argument)));
    case "const":
      return fault(value === argument);
    case "enum":
      return fault((argument as unknown[]).includes(value));
    case "pattern":
      return fault(typeof value !== "string" || new RegExp(String(argument)).test(value));
    case "minimum":
      return fault(!isNumber || value >= Number(argument));
    case "exclusiveMinimum":
      return fault(!isNumber || value > Number(argument));
    case "maximum":
      return fault(!isNumber || value <= Number(argument));
    case "minItems":
      return fault(!Array.isArray(value) || value.length >= Number(argument));
    case "maxItems":
      return fault(!Array.isArray(value) || value.length <= Number(argument));
    case "required":
      return fault(!isObject(value) || (argument as string[]).every((key) => Object.hasOwn(value, key)));
    case "anyOf":
      return fault((argument as Schema[]).some((option) => findFaults(option, value).length === 0));
    case "oneOf":
      return fault(
        (argument as Schema[]).filter((option) => findFaults(option, value).length === 0).length === 1,
      );
    case "items":
      if (!Array.isArray(value)) return [];
      return value.flatMap((item, index) => findFaults(argument as Schema, item, `${path}[${index}]`));
    case "properties":
      return checkProperties(argument as Readonly<Record<string, Schema>>, value, path);
    case "additionalProperties":
      return checkOthers(schema, argument, value, path);
    default:
      throw new Error(`keyword ${keyword} is not known`);
  }
}

function checkProperties(
  properties: Readonly<Record<string, Schema>>,
  value: unknown,
  path: string,
): string[] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    Object.hasOwn(properties, key) ? findFaults(properties[key] ?? {}, item, `${path}.${key}`) : [],
  );
}

function checkOthers(schema: Schema, argument: unknown, value: unknown, path: string): string[] {
  if (!isObject(value)) return [];
  const known = schema["properties"] ?? {};
  return Object.entries(value).flatMap(([key, item]) => {
    if (Object.hasOwn(known, key)) return [];
    return argument === false
      ? [`${path}: unknown ${key}`]
      : findFaults(argument as Schema, item, `${path}.${key}`);
  });
}

function hasType(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  return typeof value === type;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
