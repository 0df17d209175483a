/** The scenarios of HTTP/1.1, as data: `play/` plays them in this order. */
import { type RequestScenario, type Scenario, SMALL } from "./scenario.ts";

const ROUTES = 1000;
const KIB = 1024;
const MIB = 1024 * KIB;

/** Few at once where each takes long: requests that a run cuts off are paid for and not counted. */
export const H1_SCENARIOS: readonly Scenario[] = [
  small("keep-alive", "small GET, 64 keep-alive connections", 64),
  small("keep-alive-1", "small GET, 1 keep-alive connection", 1),
  small("keep-alive-512", "small GET, 512 keep-alive connections", 512),
  {
    ...small("response-10k", "10 KiB responses, 64 connections", 64),
    load: { kind: "get", path: "/10k", answerBytes: 10 * KIB },
    bodyKib: 10,
  },
  {
    ...small("response-1m", "1 MiB responses, 16 connections", 16),
    load: { kind: "get", path: "/1m", answerBytes: MIB },
    bodyKib: 1024,
  },
  {
    ...small("upload-64k", "64 KiB uploads, 64 connections", 64),
    load: { kind: "upload", bytes: 64 * KIB },
    backends: "reading",
    bodyKib: 64,
  },
  {
    ...small("upload-10m", "10 MiB uploads, 8 connections", 8),
    load: { kind: "upload", bytes: 10 * MIB },
    backends: "reading",
    bodyKib: 10_240,
  },
  {
    ...small("chunked", "16 KiB in chunks of 4 KiB both ways, 64 connections", 64),
    load: { kind: "chunked", bytes: 16 * KIB },
    backends: "reading",
    bodyKib: 32,
  },
  {
    ...small("close", "a new connection for each request, 64 at a time", 64),
    load: { kind: "close", path: "/bench?small=1" },
  },
  {
    ...small("beside-idle", "small GET, 64 connections beside 10000 idle ones", 64),
    idleConnections: 10_000,
  },
  {
    ...small("routes", `small GET over ${ROUTES} routes, 64 connections`, 64),
    load: { kind: "routes", count: ROUTES },
    routes: ROUTES,
  },
  {
    ...small("logs", "browser's GET, all logs on, 64 connections", 64),
    load: { kind: "browser", path: "/bench?small=1" },
    logs: "all",
  },
  { ...small("workers-2", "small GET, 64 connections, 2 workers on 2 CPUs", 64), workers: 2 },
  { kind: "idle", name: "idle", title: "idle keep-alive connections", connections: 10_000 },
];

function small(name: string, title: string, connections: number): RequestScenario {
  return {
    kind: "requests",
    name,
    title,
    load: SMALL,
    driver: { kind: "wrk" },
    connections,
    backends: "static",
  };
}
