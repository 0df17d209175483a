/** What an explanation says of a request, as plain data: `explain --json` prints it as it stands. */
import type { RuleFailure } from "../../proxy/router/rule-failure.ts";

/** A request that is asked about. */
export interface AskedRequest {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Of the URL: host and optional port. */
  readonly authority: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query, as they are sent. */
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Numeric address of whoever connects. */
  readonly peer: string;
  /** Name of the listener; `undefined`: by scheme and port. */
  readonly listener: string | undefined;
  /** `undefined`: what a client of today would speak there. */
  readonly http: HttpName | undefined;
}

export const HTTP_NAMES = ["1.1", "2", "3"] as const;
export type HttpName = (typeof HTTP_NAMES)[number];

export interface Explanation {
  readonly request: RequestView;
  /** `null`: none takes it. */
  readonly listener: ListenerView | null;
  /** Further listeners that scheme and port fit. */
  readonly alsoListening: readonly string[];
  readonly outcome: Outcome;
  /** Routes that were preferred and whose rules do not hold. */
  readonly passedBy: Some<PassedRoute>;
  /** Routes whose rules hold too, and which come later. */
  readonly alsoMatch: Some<RouteName>;
}

/** Not all of a list, but how many there are. */
export interface Some<Item> {
  readonly total: number;
  readonly shown: readonly Item[];
}

export interface RequestView {
  readonly method: string;
  readonly target: string;
  readonly http: HttpName | null;
  /** The name that routes are chosen by. */
  readonly host: string;
  /** The client's address, as far as trusted proxies tell. */
  readonly client: string;
}

export interface ListenerView {
  readonly name: string;
  readonly address: string;
  readonly protocol: string;
}

export type Outcome =
  /** A route takes it. */
  | { readonly kind: "route"; readonly route: RouteView; readonly upgrade: string }
  /** The listener passes the bytes on, and looks into no request. */
  | { readonly kind: "relay"; readonly route: RouteView | null }
  /** The gateway answers. `route`: when it was refused after a route was found. */
  | {
      readonly kind: "refused";
      readonly code: string;
      readonly detail: string;
      /** 0: the connection ends without an answer. */
      readonly status: number;
      /** Of gRPC; `null`: the answer is one of HTTP. */
      readonly grpcStatus: string | null;
      readonly text: string;
      readonly route: RouteView | null;
    }
  /** The gateway answers for itself. */
  | { readonly kind: "health" }
  | { readonly kind: "unreachable"; readonly reason: string };

export interface RouteName {
  readonly name: string;
  /** `null`: behind all that have one. */
  readonly priority: number | null;
  /** As written; empty: everything. */
  readonly rule: string;
}

export interface PassedRoute extends RouteName {
  readonly failure: RuleFailure;
}

export interface RouteView extends RouteName {
  /** It is what takes the rest to the listener's own backends. */
  readonly isCatchAll: boolean;
  readonly service: ServiceView;
}

export interface ServiceView {
  readonly name: string;
  readonly strategy: string;
  readonly backends: readonly BackendView[];
}

export interface BackendView {
  readonly address: string;
  readonly protocol: string;
  readonly weight: number;
  readonly tls: "none" | "verified" | "not verified";
}
