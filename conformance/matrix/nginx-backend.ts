/** nginx as a backend, over HTTP/1.1 and over HTTP/2 by prior knowledge: it serves a folder, and takes uploads (RFC 4918's PUT) into it. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort, HOST } from "../../test/support/addresses.ts";
import { certificateFolder } from "../../test/support/certificates-files.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { findTool } from "../tools.ts";

export const NGINX = "nginx";

export class NginxBackend {
  readonly #folder: string;
  readonly h1Port: number;
  readonly h2Port: number;

  /** With these files in it. */
  static async start(scope: CleanupScope, files: Readonly<Record<string, Buffer>>): Promise<NginxBackend> {
    const backend = new NginxBackend(certificateFolder(scope), await freePort(), await freePort());
    backend.#prepare(files);
    const config = join(backend.#folder, "nginx.conf");
    const child = spawn(findTool(NGINX) ?? NGINX, ["-c", config, "-p", backend.#folder], { stdio: "ignore" });
    const over = (): boolean => child.exitCode !== null || child.signalCode !== null;
    scope.after(async () => {
      child.kill("SIGTERM");
      await waitFor("nginx to end", over);
    });
    await waitFor("nginx to listen", () => canConnect(backend.h2Port), {
      context: () => readFileSync(join(backend.#folder, "error.log"), "utf8"),
    });
    return backend;
  }

  private constructor(folder: string, h1Port: number, h2Port: number) {
    this.#folder = folder;
    this.h1Port = h1Port;
    this.h2Port = h2Port;
  }

  /** What was uploaded. */
  uploaded(name: string): Buffer {
    return readFileSync(join(this.#folder, "root", name));
  }

  /** Connections on which requests for this path came. */
  connections(path: string): number {
    const lines = readFileSync(join(this.#folder, "access.log"), "utf8").trim().split("\n");
    const found = lines.map((line) => line.split(" ")).filter(([, , target]) => target === path);
    return new Set(found.map(([connection]) => connection)).size;
  }

  #prepare(files: Readonly<Record<string, Buffer>>): void {
    const folder = this.#folder;
    mkdirSync(join(folder, "root"));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, "root", name), content);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    // Its workers are who the tests are, so that they may write.
    const user = process.getuid?.() === 0 ? "user root;" : "";
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; worker_processes 1; ${user} pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  log_format plain '$connection $status $uri';
  access_log ${folder}/access.log plain;
  client_max_body_size 64m;
  ${temporary.join(" ")}
  server {
    listen ${HOST}:${this.h1Port};
    listen ${HOST}:${this.h2Port} http2;
    root ${folder}/root;
    location / { dav_methods PUT; }
    location /drop { return 444; }
  }
}
`,
    );
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
