/** HAProxy, with one thread. It logs to its standard output, which is a file here: it has no log file of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, versionLine } from "./daemon.ts";
import type { ProxyKind, ProxySetup, RunningProxy } from "./proxy.ts";

const HAPROXY = "/usr/sbin/haproxy";

export const haproxy: ProxyKind = {
  name: "HAProxy",
  version: () => versionLine(HAPROXY, ["-v"])?.replace(/ - http.*/, ""),
  start: startProxy,
};

async function startProxy(setup: ProxySetup): Promise<RunningProxy> {
  const file = join(setup.dir, "haproxy.cfg");
  const servers = setup.backends.map((backend, index) => `  server b${index} ${backend} pool-max-conn 128`);
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn ${setup.maxConnections}
  no strict-limits
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option dontlognull
  timeout connect 5s
  timeout client 300s
  timeout server 60s
  timeout http-keep-alive 300s
  http-reuse always
frontend web
  bind ${setup.host}:${setup.port} backlog 4096
  unique-id-format %[rand(4294967295),hex]%[rand(4294967295),hex]
  unique-id-header X-Request-ID
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend pair
backend pair
  balance roundrobin
${servers.join("\n")}
`,
  );
  const daemon = await Daemon.start({
    cpu: setup.cpu,
    command: HAPROXY,
    args: ["-db", "-f", file],
    host: setup.host,
    port: setup.port,
    logFile: join(setup.dir, "access.log"),
    maxDescriptors: setup.maxConnections * 2 + 200,
  });
  return {
    name: "HAProxy",
    version: haproxy.version() ?? "",
    pids: () => daemon.pids(),
    stop: () => daemon.stop(),
  };
}
