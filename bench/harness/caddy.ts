/** Caddy. It sets X-Forwarded-For, -Proto and -Host by itself, and streams bodies both ways. */
import { mkdirSync, writeFileSync } from "node:fs";
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
import { routesByHost } from "./routes.ts";

const CADDY = "/usr/bin/caddy";

export const caddy: ProxyKind = { name: "Caddy", version, start: startProxy };

function version(): string | undefined {
  const text = versionLine(CADDY, ["version"]);
  return text === undefined ? undefined : `caddy ${text}`;
}

async function startProxy(setup: ProxySetup): Promise<RunningProxy> {
  const file = join(setup.dir, "Caddyfile");
  const accessLog = join(setup.dir, "access.log");
  const home = join(setup.dir, "home");
  mkdirSync(home);
  writeFileSync(file, config(setup, accessLog));
  const daemon = await Daemon.start({
    cpus: setup.cpus,
    command: CADDY,
    args: ["run", "--config", file, "--adapter", "caddyfile"],
    host: setup.host,
    port: setup.port,
    logFile: join(setup.dir, "caddy.out"),
    maxDescriptors: descriptorsFor(setup),
    // Its folders for state, and as many threads that run Go code as others have workers.
    env: {
      HOME: home,
      XDG_CONFIG_HOME: home,
      XDG_DATA_HOME: home,
      GOMAXPROCS: String(setup.workers),
    },
  });
  return { version: version() ?? "", accessLog, pids: () => daemon.pids(), stop: () => daemon.stop() };
}

function config(setup: ProxySetup, accessLog: string): string {
  return `{
  admin off
  auto_https off
  default_bind ${setup.host}
  log {
    level ${setup.logs === "all" ? "INFO" : "ERROR"}
  }
  servers {
    protocols ${setup.tls === null ? "h1" : "h1 h2"}${setup.quic ? " h3" : ""}
    timeouts {
      idle ${IDLE_SECONDS}s
    }
  }
}
(pair) {
  reverse_proxy ${setup.backends.join(" ")} {
    lb_policy round_robin
    header_up X-Request-ID {http.request.uuid}
    header_up traceparent "00-{http.request.uuid}-0000000000000001-00"
    transport http {
      compression off
      keepalive ${IDLE_SECONDS}s
      keepalive_idle_conns ${IDLE_TO_BACKENDS}
      keepalive_idle_conns_per_host ${IDLE_TO_BACKENDS}
    }
  }
}
(logged) {
  log {
    output file ${accessLog} {
      roll_disabled
    }
    format json
  }
}
${sites(setup)}
`;
}

function sites({ port, routes, tls }: ProxySetup): string {
  if (tls !== null)
    return `https://:${port} {\n  tls ${tls.certPath} ${tls.keyPath}\n  import logged\n  import pair\n}`;
  if (routes.length === 0) return `http://:${port} {\n  import logged\n  import pair\n}`;
  return [...routesByHost(routes)]
    .map(([host, list]) => {
      const handles = list.map(({ prefix }) => `  handle ${prefix}* {\n    import pair\n  }`);
      return `http://${host}:${port} {\n  import logged\n${handles.join("\n")}\n}`;
    })
    .join("\n");
}
