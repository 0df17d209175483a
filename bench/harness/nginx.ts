/**
 * nginx as a proxy, twice: as a fair operator sets it up beside proxies that stream, and with nginx's
 * own defaults of buffering, which keep bodies back and spool large ones to disk.
 */
import { join } from "node:path";
import { versionLine } from "./daemon.ts";
import { NGINX, NO_LIMIT, startNginx } from "./nginx-process.ts";
import {
  descriptorsFor,
  IDLE_SECONDS,
  IDLE_TO_BACKENDS,
  type ProxyKind,
  type ProxySetup,
  type RunningProxy,
} from "./proxy.ts";
import { routesByHost } from "./routes.ts";

/**
 * Request bodies are passed on as they come, response bodies wait in memory only, and both in buffers
 * large enough that nginx does not pay for smaller reads than the others: with its own 16 KiB an
 * upload of 64 KiB costs it twice as much.
 */
const STREAMING = [
  "proxy_request_buffering off; client_body_buffer_size 64k;",
  "proxy_max_temp_file_size 0; proxy_buffers 16 16k; proxy_buffer_size 16k;",
].join(" ");

/** What the gateway logs in each of its lines; names of its own configuration are constants here. */
const FIELDS = [
  '"timestamp":"$time_iso8601"',
  '"client_ip":"$remote_addr"',
  '"method":"$request_method"',
  '"host":"$host"',
  '"path":"$request_uri"',
  '"protocol":"$server_protocol"',
  '"status":$status',
  '"request_bytes":$request_length',
  '"response_bytes":$body_bytes_sent',
  '"duration":$request_time',
  '"listener":"web","route":"web","service":"pair"',
  '"backend":"$upstream_addr"',
  '"upstream":"$upstream_response_time"',
  '"request_id":"$request_id"',
  '"trace_id":"$request_id"',
];

/** And more that its log can have. */
const MORE_FIELDS = [
  '"client_port":$remote_port',
  '"user_agent":"$http_user_agent"',
  '"referer":"$http_referer"',
  '"forwarded_for":"$http_x_forwarded_for"',
  '"upstream_status":"$upstream_status"',
  '"connect":"$upstream_connect_time"',
  '"header":"$upstream_header_time"',
  '"connection":$connection',
  '"connection_requests":$connection_requests',
];

export const nginx: ProxyKind = kind("nginx", STREAMING);
export const nginxDefaults: ProxyKind = kind("nginx-defaults", "");

function kind(name: string, buffering: string): ProxyKind {
  const version = (): string | undefined => versionLine(NGINX, ["-v"])?.replace("nginx version: ", "");
  const start = async (setup: ProxySetup): Promise<RunningProxy> => {
    const accessLog = join(setup.dir, "access.log");
    const daemon = await startNginx({
      ...setup,
      descriptors: descriptorsFor(setup),
      errorLevel: setup.logs === "all" ? "info" : "error",
      http: httpBlock(setup, accessLog, buffering),
    });
    return {
      version: version() ?? "",
      accessLog,
      pids: () => daemon.pids(),
      stop: () => daemon.stop(),
    };
  };
  return { name, lacksQuic: true, version, start };
}

function httpBlock(setup: ProxySetup, accessLog: string, buffering: string): string {
  const fields = setup.logs === "all" ? [...FIELDS, ...MORE_FIELDS] : FIELDS;
  const servers = setup.backends.map((backend) => `server ${backend};`).join(" ");
  const keep = `keepalive ${IDLE_TO_BACKENDS}; keepalive_requests ${NO_LIMIT}; keepalive_timeout ${IDLE_SECONDS}s;`;
  return `log_format bench escape=json '{${fields.join(",")}}';
  access_log ${accessLog} bench buffer=64k flush=1s;
  server_names_hash_max_size 4096; server_names_hash_bucket_size 128;
  client_max_body_size 64m;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Request-ID $request_id;
  proxy_set_header traceparent "00-$request_id-0000000000000001-00";
  ${buffering}
  ${tlsLines(setup)}
  upstream pair { ${servers} ${keep} }
  ${serverBlocks(setup).join("\n  ")}`;
}

/** Sessions are resumed by tickets, as the others do it, and HTTP/2 has no limit of requests on a connection either. */
function tlsLines({ tls }: ProxySetup): string {
  if (tls === null) return "";
  const files = `ssl_certificate ${tls.certPath}; ssl_certificate_key ${tls.keyPath};`;
  return `${files} ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on; http2_max_concurrent_streams 256;`;
}

function serverBlocks({ host, port, routes, tls }: ProxySetup): string[] {
  const socket = `listen ${host}:${port}`;
  const options = `backlog=4096 reuseport${tls === null ? "" : " ssl http2"}`;
  if (routes.length === 0) return [`server { ${socket} ${options}; location / { proxy_pass http://pair; } }`];
  const none = `server { ${socket} ${options} default_server; return 404; }`;
  const hosts = [...routesByHost(routes)].map(([name, list]) => {
    const locations = list.map(({ prefix }) => `location ${prefix} { proxy_pass http://pair; }`);
    return `server { ${socket}; server_name ${name}; ${locations.join(" ")} }`;
  });
  return [none, ...hosts];
}
