/** From the command line to a command. Returns the exit code; `main.ts` calls it. */
import { fileURLToPath } from "node:url";
import { unreachable } from "../base/assert.ts";
import { VERSION } from "../control/version.ts";
import { parseArguments } from "./parse-arguments.ts";
import { print } from "./print.ts";
import { USAGE } from "./usage.ts";

const EXIT_USAGE = 2;

/** From `src/cli` and from `dist/cli` alike. */
const CONFIG_FOLDER = new URL("../../config/", import.meta.url);

export async function runCli(args: readonly string[]): Promise<number> {
  const command = parseArguments(args);
  // Each command loads what it needs, and no more.
  switch (command.kind) {
    case "run": {
      const { runGateway } = await import("./run-gateway.ts");
      return await runGateway(command.file ?? packaged("default.toml"));
    }
    case "check": {
      const { runCheck } = await import("./check.ts");
      return await runCheck(command.file ?? packaged("default.toml"));
    }
    case "explain": {
      const { runExplain } = await import("./explain.ts");
      return await runExplain(command);
    }
    case "demo": {
      const { runDemo } = await import("./demo.ts");
      return await runDemo(packaged("demo.toml"));
    }
    case "schema": {
      const { jsonSchema } = await import("../control/config/json-schema.ts");
      print(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
      return 0;
    }
    case "version":
      print(`expressgateway ${VERSION}\n`);
      return 0;
    case "help":
      print(USAGE);
      return 0;
    case "usage":
      print(`expressgateway: ${command.message}\nTry "expressgateway --help".\n`, process.stderr);
      return EXIT_USAGE;
  }
  return unreachable(command);
}

function packaged(name: string): string {
  return fileURLToPath(new URL(name, CONFIG_FOLDER));
}
