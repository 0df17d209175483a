/**
 * Addresses to listen on. Test files run in several processes at once and the gateway shares its
 * ports (SO_REUSEPORT), so two gateways on one port would silently share its traffic. Each process
 * therefore has a loopback address of its own, made of its pid; ports are unique within it.
 */
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";

const pid = process.pid;

/** The loopback address of this process: 127.x.y.z, which Linux binds without set-up. */
export const HOST = `127.${1 + ((pid >> 16) & 0x7f)}.${(pid >> 8) & 0xff}.${pid & 0xff}`;

/** Another one of the machine's own: whoever comes from a loopback address is taken for somebody who tries things out. */
export const OWN_ADDRESS: string | undefined = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

/** Why a test is skipped that needs `OWN_ADDRESS`. */
export const NO_OWN_ADDRESS = OWN_ADDRESS === undefined && "this machine has loopback addresses only";

const taken = new Set<number>();

/** A port of `HOST` that nothing listens on, never given twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await ephemeralPort();
    if (taken.has(port)) continue;
    taken.add(port);
    return port;
  }
}

function ephemeralPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
