/**
 * What a scenario sends, as data, and the wrk script that sends it. wrk builds a fixed request once
 * and a varied one by picking from texts that were built before, so that Lua costs next to nothing.
 */
import assert from "node:assert/strict";
import { makeRoutes, type Route } from "./routes.ts";
import { SMALL_BYTES } from "./static-backends.ts";

export type Load =
  | { readonly kind: "get"; readonly path: string; readonly answerBytes?: number }
  /** Each request on a connection of its own. */
  | { readonly kind: "close"; readonly path: string }
  /** A browser's request, with the fields that logs are made of. */
  | { readonly kind: "browser"; readonly path: string }
  | { readonly kind: "upload"; readonly bytes: number }
  /** A chunked request and a chunked response of that size. */
  | { readonly kind: "chunked"; readonly bytes: number }
  /** A request for each route in turn, in an order that jumps about. */
  | { readonly kind: "routes"; readonly count: number }
  /** Requests of all sizes, the small ones more often. */
  | { readonly kind: "mix" };

/** One request, before it is written out. */
export interface Example {
  readonly method: "GET" | "POST";
  readonly host?: string;
  readonly path: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body?: { readonly bytes: number; readonly chunked: boolean };
  /** Length of the body that must come back. */
  readonly answerBytes: number;
}

/** `Host` of requests that no route asks more of. */
export const DEFAULT_HOST = "bench.example";

/** Size of the chunks of a chunked request. */
const CHUNK_BYTES = 4096;

/** Coprime to any round number of routes, so that the walk meets all of them. */
const ROUTE_STEP = 617;

const BROWSER_FIELDS: Example["fields"] = [
  ["User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
  ["Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
  ["Accept-Language", "en-US,en;q=0.5"],
  ["Accept-Encoding", "gzip, deflate, br"],
  ["Referer", "https://www.bench.example/search?q=everything"],
  ["Cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"],
  ["Upgrade-Insecure-Requests", "1"],
  ["Sec-Fetch-Dest", "document"],
  ["Sec-Fetch-Mode", "navigate"],
  ["Sec-Fetch-Site", "same-origin"],
  ["Priority", "u=0, i"],
];

/** Requests that the load consists of, in the order in which they are sent. */
export function examples(load: Load): readonly Example[] {
  switch (load.kind) {
    case "get":
      return [get(load.path, load.answerBytes)];
    case "close":
      return [{ ...get(load.path), fields: [["Connection", "close"]] }];
    case "browser":
      return [{ ...get(load.path), fields: BROWSER_FIELDS }];
    case "upload":
      return [upload(load.bytes)];
    case "chunked":
      return [chunked(load.bytes)];
    case "routes":
      return walk(makeRoutes(load.count));
    case "mix":
      return mix();
  }
}

function get(path: string, answerBytes = SMALL_BYTES): Example {
  return { method: "GET", path, fields: [], answerBytes };
}

function bytes(size: number): Example {
  return get(`/bytes/${size}`, size);
}

function upload(size: number): Example {
  const body = { bytes: size, chunked: false };
  return { method: "POST", path: `/upload/${size}`, fields: [], body, answerBytes: SMALL_BYTES };
}

/** `size`: a multiple of `CHUNK_BYTES`. */
function chunked(size: number): Example {
  assert(size % CHUNK_BYTES === 0, `${size} is not a multiple of ${CHUNK_BYTES}`);
  const body = { bytes: size, chunked: true };
  return { method: "POST", path: `/chunked/${size}`, fields: [], body, answerBytes: size };
}

function walk(routes: readonly Route[]): readonly Example[] {
  return routes.map((_, i) => {
    const { host, prefix } = routes[(i * ROUTE_STEP) % routes.length] ?? { host: "", prefix: "/" };
    return { ...get(`${prefix}item?id=${i}`), host };
  });
}

/** Of 40 requests: most are small, one is a megabyte. */
function mix(): readonly Example[] {
  const small = Array.from({ length: 24 }, () => bytes(SMALL_BYTES));
  const medium = Array.from({ length: 8 }, () => bytes(10 * 1024));
  const uploads = Array.from({ length: 4 }, () => upload(64 * 1024));
  const pieces = Array.from({ length: 3 }, () => chunked(16 * 1024));
  return shuffled([...small, ...medium, ...uploads, ...pieces, bytes(1024 * 1024)]);
}

/** Always in the same way, so that runs are alike. */
function shuffled(list: readonly Example[]): readonly Example[] {
  const step = 7;
  return list.map((example, i) => list[(i * step) % list.length] ?? example);
}

/** The script for wrk, without the part that reports. */
export function luaScript(load: Load): string {
  const list = examples(load);
  const texts = `local texts = {\n${list.map((example) => `  ${luaText(example)},`).join("\n")}\n}`;
  // wrk takes this text once and does not call Lua again, unless there is a `request` of our own.
  const fixed = "wrk.format = function() return texts[1] end";
  if (list.length === 1) return `${texts}\n${fixed}\n`;
  const next = "request = function()\n  at = at % #texts + 1\n  return texts[at]\nend";
  return `${texts}\n${fixed}\nlocal at = 0\n${next}\n`;
}

/** An expression for the whole request; bodies are made by Lua, so that the script stays small. */
function luaText({ method, path, host, fields, body }: Example): string {
  const more = fields.map(([name, value]) => `${name}: ${value}\\r\\n`).join("");
  const start = `"${method} ${path} HTTP/1.1\\r\\nHost: ${host ?? DEFAULT_HOST}\\r\\n${more}`;
  if (body === undefined) return `${start}\\r\\n"`;
  if (!body.chunked) {
    return `${start}Content-Length: ${body.bytes}\\r\\n\\r\\n" .. string.rep("x", ${body.bytes})`;
  }
  const chunk = `"${CHUNK_BYTES.toString(16)}\\r\\n" .. string.rep("x", ${CHUNK_BYTES}) .. "\\r\\n"`;
  const chunks = `string.rep(${chunk}, ${body.bytes / CHUNK_BYTES})`;
  return `${start}Transfer-Encoding: chunked\\r\\n\\r\\n" .. ${chunks} .. "0\\r\\n\\r\\n"`;
}
