/** Messages to start from: one of each kind by hand, and the vectors where they are. */
import { existsSync, readFileSync } from "node:fs";

const REQUESTS = [
  "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
  "GET /a?b=c HTTP/1.1\r\nHost: a.example:8080\r\nUser-Agent: x\r\nAccept:*/*\r\nCookie: a=b; c=d \r\n\r\n",
  "HEAD http://b.example/a?b HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
  "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n',
  "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, X-A\r\nX-A: 1\r\nX_B: 2\r\n\r\n",
  "\r\nPUT /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
];

const RESPONSES = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00",
];

export interface Seeds {
  readonly requests: readonly Buffer[];
  readonly responses: readonly Buffer[];
}

/** `vectors`: the folder of the vectors, which may be absent. */
export function loadSeeds(vectors: URL): Seeds {
  const requests: Buffer[] = REQUESTS.map((text) => Buffer.from(text, "latin1"));
  const responses: Buffer[] = RESPONSES.map((text) => Buffer.from(text, "latin1"));
  for (const { type, bytes } of vectorMessages(vectors)) {
    if (bytes.length > 0) (type.startsWith("response") ? responses : requests).push(bytes);
  }
  return { requests, responses };
}

interface VectorFile {
  readonly cases: readonly {
    readonly type?: string;
    readonly bytes_b64?: string | null;
    readonly steps?: readonly { readonly bytes_b64?: string }[];
  }[];
}

function vectorMessages(vectors: URL): { type: string; bytes: Buffer }[] {
  const messages: { type: string; bytes: Buffer }[] = [];
  for (const name of ["http11probe-cases.json", "llhttp-vectors.json"]) {
    const file = new URL(name, vectors);
    if (!existsSync(file)) {
      process.stdout.write(`${name} is not there: fuzzing without its messages\n`);
      continue;
    }
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as VectorFile;
    for (const { type = "request", steps, bytes_b64 } of cases) {
      if (type === "url") continue;
      const texts = steps === undefined ? [bytes_b64] : steps.map((step) => step.bytes_b64);
      const parts = texts.map((text) => Buffer.from(text ?? "", "base64"));
      messages.push({ type, bytes: Buffer.concat(parts) });
    }
  }
  return messages;
}
