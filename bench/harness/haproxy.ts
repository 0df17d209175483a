/** HAProxy. It logs to its standard output, which is a file here: it has no log file of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, versionLine } from "./daemon.ts";
import {
  descriptorsFor,
  IDLE_SECONDS,
  IDLE_TO_BACKENDS,
  type ProxyKind,
  type ProxySetup,
  type RunningProxy,
} from "./proxy.ts";

const HAPROXY = "/usr/sbin/haproxy";

export const haproxy: ProxyKind = {
  name: "HAProxy",
  lacksQuic: true,
  version: () => versionLine(HAPROXY, ["-v"])?.replace(/ - http.*/, ""),
  start: startProxy,
};

async function startProxy(setup: ProxySetup): Promise<RunningProxy> {
  const file = join(setup.dir, "haproxy.cfg");
  const accessLog = join(setup.dir, "access.log");
  writeFileSync(file, config(setup));
  const daemon = await Daemon.start({
    cpus: setup.cpus,
    command: HAPROXY,
    args: ["-db", "-f", file],
    host: setup.host,
    port: setup.port,
    logFile: accessLog,
    maxDescriptors: descriptorsFor(setup),
  });
  return {
    version: haproxy.version() ?? "",
    accessLog,
    pids: () => daemon.pids(),
    stop: () => daemon.stop(),
  };
}

/**
 * HAProxy closes idle connections to backends when a quarter of its descriptors is in use; the limits
 * are raised here, so that it keeps them under load as the others do.
 */
function config(setup: ProxySetup): string {
  const servers = setup.backends.map(
    (backend, index) => `  server b${index} ${backend} pool-max-conn ${IDLE_TO_BACKENDS}`,
  );
  return `global
  nbthread ${setup.workers}
  maxconn ${setup.maxConnections + 500}
  no strict-limits
  tune.pool-low-fd-ratio 80
  tune.pool-high-fd-ratio 90
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option dontlognull
  timeout connect 5s
  timeout client ${IDLE_SECONDS}s
  timeout server 60s
  timeout http-keep-alive ${IDLE_SECONDS}s
  http-reuse always
frontend web
  bind ${setup.host}:${setup.port} backlog 4096${setup.tls === null ? "" : ` ssl crt ${setup.tls.bothPath} alpn h2,http/1.1 ssl-min-ver TLSv1.2`}
  unique-id-format %[rand(4294967295),hex]%[rand(4294967295),hex]
  unique-id-header X-Request-ID
  option forwardfor
  http-request set-header X-Forwarded-Proto ${setup.tls === null ? "http" : "https"}
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header traceparent 00-%[rand(4294967295),hex]%[rand(4294967295),hex]-0000000000000001-00
${captures(setup)}
${routing(setup)}
backend pair
  balance roundrobin
${servers.join("\n")}
`;
}

function captures({ logs }: ProxySetup): string {
  if (logs === "access") return "";
  return ["Host", "User-Agent", "Referer", "X-Forwarded-For"]
    .map((name) => `  http-request capture req.hdr(${name}) len 200`)
    .join("\n");
}

/** A map of host and path, which HAProxy searches as a tree: what its manual advises for many routes. */
function routing({ routes, dir }: ProxySetup): string {
  if (routes.length === 0) return "  default_backend pair";
  const map = join(dir, "routes.map");
  writeFileSync(map, routes.map(({ host, prefix }) => `${host}${prefix} pair\n`).join(""));
  return `  use_backend %[base,map_beg(${map})]`;
}
