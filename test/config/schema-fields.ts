/** Every key of the schema with the path that it has in a file, for tests that hold for all of them. */
import type { Field } from "../../src/control/config/field.ts";
import { gatewaySchema } from "../../src/control/config/schema/gateway.ts";

export interface NamedField {
  /** `listeners.http.header_timeout_ms`; `*` for a name that the operator chooses. */
  readonly path: string;
  readonly key: string;
  readonly field: Field;
}

export function allFields(): NamedField[] {
  return inside(gatewaySchema, "");
}

function inside(field: Field, path: string): NamedField[] {
  switch (field.kind) {
    case "object":
      return Object.entries(field.fields).flatMap(([key, inner]) => {
        const name = path === "" ? key : `${path}.${key}`;
        return [{ path: name, key, field: inner }, ...inside(inner, name)];
      });
    case "tables":
      return inside(field.item, path);
    case "record":
      return inside(field.item, `${path}.*`);
    case "variant":
      return Object.values(field.variants).flatMap((variant) => inside(variant, path));
    case "string":
    case "integer":
    case "number":
    case "duration":
    case "boolean":
    case "enum":
    case "strings":
    case "stringMap":
      return [];
  }
}
