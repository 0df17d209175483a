/** The backend of the browser's suite: it gives the page, answers what its script asks for, and keeps its report. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { freePort, HOST } from "../../test/support/addresses.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { PAGE, type Report } from "./page.ts";

export class BrowserBackend {
  readonly address: string;
  /** Set once the script is through. */
  report: Report | undefined;
  readonly #server: Server;

  static async start(scope: CleanupScope): Promise<BrowserBackend> {
    const port = await freePort();
    const backend = new BrowserBackend(`${HOST}:${port}`);
    backend.#server.listen(port, HOST);
    await once(backend.#server, "listening");
    scope.after(async () => {
      const closed = once(backend.#server, "close");
      backend.#server.close();
      backend.#server.closeAllConnections();
      await closed;
    });
    return backend;
  }

  private constructor(address: string) {
    this.address = address;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    await once(request, "end");
    const body = Buffer.concat(parts);
    const path = request.url ?? "";
    if (path === "/upload") response.end(createHash("sha256").update(body).digest("hex"));
    else if (path.startsWith("/part/")) response.end(path);
    else if (path === "/report") {
      this.report = JSON.parse(body.toString()) as Report;
      response.end();
    } else if (path === "/page") response.setHeader("content-type", "text/html").end(PAGE);
    else response.writeHead(404).end();
  }
}
