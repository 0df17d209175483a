/** nginx as a proxy to compare with, and as the backends: small fixed answers at little cost. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, versionLine } from "./daemon.ts";
import type { ProxyKind, ProxySetup, RunningProxy } from "./proxy.ts";

const NGINX = "/usr/sbin/nginx";
/** Requests on one connection: more than any run sends. */
const NO_LIMIT = 1_000_000_000;

export const nginx: ProxyKind = {
  name: "nginx",
  version: () => versionLine(NGINX, ["-v"])?.replace("nginx version: ", ""),
  start: startProxy,
};

async function startProxy(setup: ProxySetup): Promise<RunningProxy> {
  const { host, port, dir } = setup;
  const log = `log_format bench escape=json '{"timestamp":"$time_iso8601","client_ip":"$remote_addr","method":"$request_method","host":"$host","path":"$request_uri","status":$status,"request_bytes":$request_length,"response_bytes":$body_bytes_sent,"duration":$request_time,"backend":"$upstream_addr","upstream":"$upstream_response_time","request_id":"$request_id","user_agent":"$http_user_agent"}';
  access_log ${dir}/access.log bench buffer=64k flush=1s;`;
  const proxy = `upstream pair { ${setup.backends.map((backend) => `server ${backend};`).join(" ")} keepalive 128; keepalive_requests ${NO_LIMIT}; }
  server {
    listen ${host}:${port} backlog=4096 reuseport;
    location / {
      proxy_pass http://pair;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-ID $request_id;
    }
  }`;
  const daemon = await start(setup, `${log}\n${proxy}`);
  return {
    name: "nginx",
    version: nginx.version() ?? "",
    pids: () => daemon.pids(),
    stop: () => daemon.stop(),
  };
}

/** Two backends in one process, each answering every request with `bodyBytes` bytes. */
export async function startBackends(
  setup: ProxySetup,
  ports: readonly number[],
  bodyBytes: number,
): Promise<Daemon> {
  const body = "x".repeat(bodyBytes);
  const servers = ports.map(
    (port) =>
      `server { listen ${setup.host}:${port} backlog=4096; location / { default_type text/plain; return 200 "${body}"; } }`,
  );
  return await start(setup, `access_log off;\n${servers.join("\n")}`);
}

async function start(setup: ProxySetup, http: string): Promise<Daemon> {
  const { dir } = setup;
  const file = join(dir, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${dir}/${name};`,
  );
  writeFileSync(
    file,
    `daemon off; worker_processes 1; worker_rlimit_nofile ${setup.maxConnections * 2}; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events { worker_connections ${setup.maxConnections * 2}; }
http {
  keepalive_requests ${NO_LIMIT}; keepalive_timeout 300s; tcp_nodelay on;
  ${temporary.join(" ")}
  ${http}
}
`,
  );
  return await Daemon.start({
    cpu: setup.cpu,
    command: NGINX,
    args: ["-c", file, "-p", dir],
    host: setup.host,
    port: setup.port,
    logFile: join(dir, "nginx.out"),
    maxDescriptors: setup.maxConnections * 2,
  });
}
