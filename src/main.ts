/**
 * The entry of the program. Looks at the runtime before anything else is loaded, because the rest
 * uses what older ones do not have; then hands over to `cli/run-cli.ts`.
 */

/** Node.js 26 is pinned; 24 has everything that is used. */
const MIN_NODE_MAJOR = 24;

/** What still holds the event loop when the command is done does not hold the process. */
const EXIT_LIMIT_MS = 2_000;

// Before all else: Node.js starts its inspector on SIGUSR1 until somebody listens.
process.on("SIGUSR1", () => {});

const major = Number(process.versions.node.split(".", 1)[0]);
if (major < MIN_NODE_MAJOR) {
  process.stderr.write(
    `expressgateway: needs Node.js ${MIN_NODE_MAJOR} or newer, this is ${process.versions.node} (${process.execPath}).\n` +
      "The package brings its own runtime for linux-x64 and linux-arm64: install it with its optional dependencies,\n" +
      "and start it with bin/expressgateway.\n",
  );
  process.exitCode = 1;
} else {
  const { runCli } = await import("./cli/run-cli.ts");
  process.exitCode = await runCli(process.argv.slice(2));
  setTimeout(() => process.exit(), EXIT_LIMIT_MS).unref();
}
