/**
 * The families of requests, listeners and backends, which live in slots that `plan-slots.ts` allots
 * for each plan. The order of rows is the contract with `proxy/plan.ts`: the data plane adds to
 * `first slot + row`. Feature rows A18.3 and A18.4.
 */
import { FAULTS } from "../../base/fault.ts";
import { ACCEPT_ERROR_KINDS, STATUS_CLASSES } from "../../proxy/plan.ts";
import { HTTP_VERSION_NAMES } from "../../wire/http/message.ts";
import type { SlotFamily } from "./family.ts";

/** One series for a block. */
const SINGLE: SlotFamily["rows"] = [[]];

/** Versions that one listener speaks at most: who speaks HTTP/3 speaks no other. */
const LISTENER_VERSIONS = HTTP_VERSION_NAMES.length - 1;

const versionRows: SlotFamily["rows"] = HTTP_VERSION_NAMES.map((name) => [name]);

const requestRows: SlotFamily["rows"] = HTTP_VERSION_NAMES.flatMap((name) =>
  STATUS_CLASSES.map((status) => [name, status]),
);

const faultRows: SlotFamily["rows"] = Object.keys(FAULTS).map((code) => [code]);

/** A backend is charged with nothing but what it did itself. */
const backendFaultRows: SlotFamily["rows"] = Object.entries(FAULTS).map(([code, row]) =>
  row.source === "upstream" ? [code] : null,
);

export const SLOT_FAMILIES = {
  httpRequests: {
    name: "http_requests_total",
    kind: "counter",
    help: "Requests that ended, by the class of the status in the access log (4xx includes 499, for clients that left; none: no status fits).",
    labels: ["listener", "route", "version", "status_class"],
    rows: requestRows,
    maxSeries: LISTENER_VERSIONS * STATUS_CLASSES.length,
    sparse: true,
  },
  httpRequestDuration: {
    name: "http_request_duration_seconds",
    kind: "histogram",
    help: "Time from the first byte of a request to the end of its response.",
    labels: ["listener", "route", "version"],
    rows: versionRows,
    maxSeries: LISTENER_VERSIONS,
    sparse: true,
  },
  httpFaults: {
    name: "http_faults_total",
    kind: "counter",
    help: "Requests that a fault ended, by its code.",
    labels: ["listener", "code"],
    rows: faultRows,
    sparse: true,
  },
  acceptInflight: {
    name: "accept_inflight",
    kind: "gauge",
    help: "Client connections that count against runtime.max_inflight_connections of the listener.",
    labels: ["listener"],
    rows: SINGLE,
    sparse: false,
  },
  acceptShed: {
    name: "accept_shed_total",
    kind: "counter",
    help: "Client connections that were turned away because the listener was at its cap.",
    labels: ["listener"],
    rows: SINGLE,
    sparse: false,
  },
  acceptErrors: {
    name: "accept_errors_total",
    kind: "counter",
    help: "Failed accepts, by the name of the error.",
    labels: ["listener", "kind"],
    rows: ACCEPT_ERROR_KINDS.map((kind) => [kind]),
    sparse: true,
  },
  connectionsInflight: {
    name: "connections_inflight",
    kind: "gauge",
    help: "Client connections that are open.",
    labels: ["listener"],
    rows: SINGLE,
    sparse: false,
  },
  backendRequests: {
    name: "backend_requests_total",
    kind: "counter",
    help: "Requests that a backend was picked for, by the class of its answer's status (none: it gave no answer).",
    labels: ["service", "backend", "status_class"],
    rows: STATUS_CLASSES.map((status) => [status]),
    sparse: true,
  },
  backendRequestDuration: {
    name: "backend_request_duration_seconds",
    kind: "histogram",
    help: "Time from the pick of a backend to the head of its response.",
    labels: ["service", "backend"],
    rows: SINGLE,
    sparse: true,
  },
  backendInflight: {
    name: "backend_requests_inflight",
    kind: "gauge",
    help: "Requests that the backend is working on.",
    labels: ["service", "backend"],
    rows: SINGLE,
    sparse: false,
  },
  backendConnections: {
    name: "backend_connections",
    kind: "gauge",
    help: "Open connections to the backend, busy and idle.",
    labels: ["service", "backend"],
    rows: SINGLE,
    sparse: false,
  },
  backendFaults: {
    name: "backend_faults_total",
    kind: "counter",
    help: "Failed tries on a backend, by the fault's code.",
    labels: ["service", "backend", "code"],
    rows: backendFaultRows,
    sparse: true,
  },
} as const satisfies Record<string, SlotFamily>;
