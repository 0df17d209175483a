/**
 * Backends that read request bodies before they answer, two ports in one process of ours: `/upload/N`
 * takes N bytes, `/chunked/N` takes N bytes in chunks and sends as many in chunks, `/bytes/N` sends N
 * bytes, `/probe` tells what came. nginx would answer before it has read the body.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Daemon } from "./daemon.ts";
import type { BackendSetup } from "./static-backends.ts";

const CHILD = fileURLToPath(new URL("./reading-backend-child.ts", import.meta.url));

export async function startReadingBackends(setup: BackendSetup): Promise<Daemon> {
  return await Daemon.start({
    cpus: setup.cpus,
    command: process.execPath,
    args: [CHILD, setup.host, ...setup.ports.map(String)],
    host: setup.host,
    port: setup.ports[0] ?? 0,
    logFile: join(setup.dir, "backend.out"),
    maxDescriptors: setup.descriptors,
  });
}
