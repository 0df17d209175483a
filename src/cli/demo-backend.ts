/**
 * One backend of the demo, a process of its own: answers every request with its name. `demo.ts` starts
 * it with the name and the address as arguments; it ends with its parent.
 */
import { createServer } from "node:http";

const [name = "", host = "127.0.0.1", port = "0"] = process.argv.slice(2);

const server = createServer((request, response) => {
  request.resume();
  request.once("end", () => {
    response.setHeader("content-type", "text/plain; charset=utf-8");
    response.setHeader("x-backend", name);
    response.end(`Hello from ${name}: ${request.method} ${request.url}\n`);
  });
});

server.once("error", (error: NodeJS.ErrnoException) => {
  process.send?.({ kind: "failed", code: error.code ?? error.message });
  process.exitCode = 1;
  process.disconnect?.();
});
server.listen(Number(port), host, () => process.send?.({ kind: "listening" }));

// Ctrl-C reaches the whole group; the gateway still needs its backends to finish what is under way.
process.on("SIGINT", () => {});
process.once("disconnect", () => process.exit());
