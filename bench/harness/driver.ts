/** The programs that make load, behind one call. */
import { runH2load } from "./h2load.ts";
import { runH3Load } from "./h3-load.ts";
import { runHandshakes } from "./handshakes.ts";
import { DEFAULT_HOST, examples, type Load } from "./load.ts";
import type { LoadResult } from "./load-result.ts";
import { runWrk } from "./wrk.ts";

export type Driver =
  | { readonly kind: "wrk" }
  /** HTTP/2 with so many streams at once on each connection. */
  | { readonly kind: "h2load"; readonly streams: number }
  /** HTTP/3 likewise. */
  | { readonly kind: "h3"; readonly streams: number }
  /** A TLS handshake and a request on each connection; so many connections at a time as the scenario has. */
  | { readonly kind: "handshakes"; readonly resumed: boolean };

export interface DriveOptions {
  readonly driver: Driver;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly load: Load;
  readonly connections: number;
  /** Whole seconds, at least 1. */
  readonly seconds: number;
  /** For a run that measures nothing: h2load ends after so many requests instead. */
  readonly requests?: number;
  readonly cpus: readonly number[];
  /** Of wrk, made by `writeScript`. */
  readonly script: string;
  /** For files of a run. */
  readonly dir: string;
}

/** Programs without which a driver cannot run. */
export const DRIVER_TOOLS: Readonly<Record<Driver["kind"], string>> = {
  wrk: "wrk",
  h2load: "h2load",
  h3: process.execPath,
  handshakes: "openssl",
};

export async function drive(options: DriveOptions): Promise<LoadResult> {
  const { driver } = options;
  switch (driver.kind) {
    case "wrk": {
      const scheme = options.tls ? "https" : "http";
      return await runWrk({ ...options, url: `${scheme}://${options.host}:${options.port}/` });
    }
    case "h2load":
      return await runH2load({ ...options, streams: driver.streams });
    case "h3": {
      const [example] = examples(options.load);
      const target = {
        authority: DEFAULT_HOST,
        path: example?.path ?? "/",
        streams: driver.streams,
        answerBytes: example?.answerBytes ?? 0,
      };
      return await runH3Load(options.cpus, { ...options, target });
    }
    case "handshakes":
      return await runHandshakes({ ...options, resumed: driver.resumed });
  }
}
