/**
 * Which Node.js the gateway runs on. `main.ts` asks before it loads anything else, `createGateway` before
 * it makes anything; this file uses only what every Node.js has.
 */

/** Node.js 26 is pinned for the command; 24 has everything that is used. */
export const MIN_NODE_MAJOR = 24;

/** Why this Node.js cannot run the gateway, as a sentence; `null`: it can. */
export function refuseNode(version: string = process.versions.node): string | null {
  const major = Number(version.split(".", 1)[0]);
  if (major >= MIN_NODE_MAJOR) return null;
  return `expressgateway needs Node.js ${MIN_NODE_MAJOR} or later, this is ${version} (${process.execPath})`;
}
