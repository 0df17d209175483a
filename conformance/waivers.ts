/** Waivers: cases that may fail, by id, each with its reason. One that is not needed is a failure itself. */
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";

/** Reasons by case id. */
export type Waivers = ReadonlyMap<string, string>;

/** Reads a waivers file: one table for each case id, with `reason`. */
export function readWaivers(file: URL): Waivers {
  const waivers = new Map<string, string>();
  for (const [id, entry] of Object.entries(parse(readFileSync(file, "utf8")))) {
    const reason = typeof entry === "object" && "reason" in entry ? entry["reason"] : undefined;
    if (typeof reason !== "string" || reason.trim() === "") throw new Error(`waiver ${id} has no reason`);
    waivers.set(id, reason);
  }
  return waivers;
}
