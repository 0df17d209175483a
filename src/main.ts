/**
 * The entry of the program. Looks at the runtime before anything else is loaded, because the rest
 * uses what older ones do not have; then hands over to `cli/run-cli.ts`.
 */
import { refuseNode } from "./control/node-version.ts";

/** What still holds the event loop when the command is done does not hold the process. */
const EXIT_LIMIT_MS = 2_000;

// Before all else: Node.js starts its inspector on SIGUSR1 until somebody listens, and SIGUSR2 ends it.
process.on("SIGUSR1", () => {});
process.on("SIGUSR2", () => {});

const refusal = refuseNode();
if (refusal !== null) {
  process.stderr.write(
    `${refusal}.\n` +
      "The package brings its own runtime for linux-x64 and linux-arm64: install it with its optional dependencies,\n" +
      "and start it with bin/expressgateway.\n",
  );
  process.exitCode = 1;
} else {
  const { runCli } = await import("./cli/run-cli.ts");
  process.exitCode = await runCli(process.argv.slice(2));
  setTimeout(() => process.exit(), EXIT_LIMIT_MS).unref();
}
