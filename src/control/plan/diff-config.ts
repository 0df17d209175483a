/**
 * What a reload changes, by name, for the log: `services.api.backends.10.0.0.5:8080` added,
 * `listeners.web.http.header_timeout_ms` changed. Only names, never values: some are secrets. Compares
 * configurations and not plans, because an operator knows the former.
 */
import type { GatewayConfig } from "../config/gateway-config.ts";

export interface ConfigChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** Names that one log line holds; of more, their number is told. */
const MAX_NAMES_IN_LOG = 50;

export function diffConfig(before: GatewayConfig, after: GatewayConfig): ConfigChanges {
  const changes = { added: [], removed: [], changed: [] };
  compare("", before, after, changes);
  return changes;
}

export function countChanges({ added, removed, changed }: ConfigChanges): number {
  return added.length + removed.length + changed.length;
}

/** The fields of the log line. */
export function describeChanges(changes: ConfigChanges): object {
  return {
    ...describe("added", changes.added),
    ...describe("removed", changes.removed),
    ...describe("changed", changes.changed),
  };
}

function describe(key: string, names: readonly string[]): object {
  if (names.length === 0) return {};
  const shown = { [key]: names.slice(0, MAX_NAMES_IN_LOG) };
  return names.length > MAX_NAMES_IN_LOG ? { ...shown, [`${key}_count`]: names.length } : shown;
}

interface Collected {
  readonly added: string[];
  readonly removed: string[];
  readonly changed: string[];
}

function compare(path: string, before: unknown, after: unknown, changes: Collected): void {
  const old = entriesOf(before);
  const fresh = entriesOf(after);
  if (old === null || fresh === null) {
    if (JSON.stringify(before) !== JSON.stringify(after)) changes.changed.push(path);
    return;
  }
  for (const [key, value] of old) {
    const inner = path === "" ? key : `${path}.${key}`;
    if (fresh.has(key)) compare(inner, value, fresh.get(key), changes);
    else changes.removed.push(inner);
  }
  for (const key of fresh.keys()) {
    if (!old.has(key)) changes.added.push(path === "" ? key : `${path}.${key}`);
  }
}

/** What the address of a listener or backend says already. */
const PARTS_OF_ADDRESS: readonly string[] = ["host", "port"];

/** The members of a table, or of a list of tables by their names; `null` for a plain value. */
function entriesOf(value: unknown): Map<string, unknown> | null {
  if (typeof value !== "object" || value === null) return null;
  if (!Array.isArray(value)) {
    const members = Object.entries(value);
    return new Map("address" in value ? members.filter(([key]) => !PARTS_OF_ADDRESS.includes(key)) : members);
  }
  if (value.some((item) => typeof item !== "object")) return null;
  const entries = new Map<string, unknown>();
  for (const item of value as Record<string, unknown>[]) entries.set(freeKey(nameOf(item), entries), item);
  return entries;
}

/** Listeners and revisions have a name, backends an address. */
function nameOf(item: Record<string, unknown>): string {
  const name = item["name"] ?? item["address"];
  return typeof name === "string" ? name : "";
}

function freeKey(name: string, taken: ReadonlyMap<string, unknown>): string {
  let key = name === "" ? "#1" : name;
  for (let number = 2; taken.has(key); number += 1) key = `${name}#${number}`;
  return key;
}
