/** Starts an nginx with a given `http` block, for `nginx.ts` and `static-backends.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "./daemon.ts";

export interface NginxOptions {
  readonly host: string;
  readonly port: number;
  readonly dir: string;
  readonly cpus: readonly number[];
  readonly workers: number;
  readonly descriptors: number;
  readonly errorLevel: "error" | "info";
  /** Lines inside of `http { }`. */
  readonly http: string;
}

export const NGINX = "/usr/sbin/nginx";

/** Requests on one connection: more than any run sends. */
export const NO_LIMIT = 1_000_000_000;

export async function startNginx(options: NginxOptions): Promise<Daemon> {
  const { dir, descriptors } = options;
  const file = join(dir, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${dir}/${name};`,
  );
  writeFileSync(
    file,
    `daemon off; worker_processes ${options.workers}; pid ${dir}/nginx.pid;
error_log ${dir}/error.log ${options.errorLevel};
events { worker_connections ${descriptors}; }
http {
  keepalive_requests ${NO_LIMIT}; keepalive_timeout 3600s; tcp_nodelay on;
  ${temporary.join(" ")}
  ${options.http}
}
`,
  );
  return await Daemon.start({
    cpus: options.cpus,
    command: NGINX,
    args: ["-c", file, "-p", dir],
    host: options.host,
    port: options.port,
    logFile: join(dir, "nginx.out"),
    maxDescriptors: descriptors,
  });
}
