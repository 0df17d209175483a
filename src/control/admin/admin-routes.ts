/**
 * What the admin listener answers: probes and metrics. Pure but for the metrics text; the server
 * around it is `admin-server.ts`. Feature rows A17.1 to A17.3.
 */
import type { HealthStatus } from "../gateway-state.ts";
import { isAuthorized } from "./admin-auth.ts";

/** What the admin listener asks the gateway. */
export interface AdminSource {
  readonly status: HealthStatus;
  /** SHA-256 of the bearer token, in hexadecimal; `undefined`: none is asked for. */
  readonly tokenHash: string | undefined;
  /** Text in the Prometheus exposition format. */
  metrics(): Promise<string>;
}

export interface AdminRequest {
  readonly method: string;
  readonly target: string;
  readonly authorization: string | undefined;
}

export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export async function answerAdmin(request: AdminRequest, source: AdminSource): Promise<AdminAnswer> {
  const path = request.target.split("?", 1)[0];
  switch (path) {
    case "/metrics":
      return readOnly(request) ?? metricsAnswer(request, source);
    case "/livez":
    case "/healthz":
      return readOnly(request) ?? statusAnswer(200, source.status);
    case "/readyz":
      return readOnly(request) ?? statusAnswer(source.status === "ok" ? 200 : 503, source.status);
    case "/startupz":
      return readOnly(request) ?? statusAnswer(source.status === "booting" ? 503 : 200, source.status);
    case undefined:
    default:
      return text(404, "not found\n");
  }
}

function readOnly({ method }: AdminRequest): AdminAnswer | null {
  return method === "GET" || method === "HEAD" ? null : text(405, "method not allowed\n");
}

async function metricsAnswer(request: AdminRequest, source: AdminSource): Promise<AdminAnswer> {
  if (!isAuthorized(request.authorization, source.tokenHash)) return text(403, "forbidden");
  return { status: 200, contentType: METRICS_TYPE, body: await source.metrics() };
}

function statusAnswer(status: number, health: HealthStatus): AdminAnswer {
  return { status, contentType: JSON_TYPE, body: JSON.stringify({ status: health }) };
}

function text(status: number, body: string): AdminAnswer {
  return { status, contentType: TEXT, body };
}
