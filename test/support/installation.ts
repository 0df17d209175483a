/** An installation of the built gateway without its native addon, as on a machine that has no compiler. */
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CleanupScope } from "./gateway.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The launcher of an installation that has everything but the addon; it is gone when the scope ends. */
export async function installWithoutAddon(scope: CleanupScope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "expressgateway-plain-"));
  scope.after(() => rm(folder, { recursive: true }));
  // Copies, because a symlink would lead the program back to the folder that has the addon.
  for (const part of ["bin", "dist", "package.json"])
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return join(folder, "bin/expressgateway");
}
