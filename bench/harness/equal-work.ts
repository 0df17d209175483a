/**
 * Whether a proxy does the work that it is compared by: answers whole bodies, adds the fields, takes
 * the backends in turn. A stage asks once for each proxy before it measures; that requests are logged
 * shows in the size of the access log after each run (`requests.ts`).
 */
import assert from "node:assert/strict";
import { request, type IncomingMessage } from "node:http";
import { request as requestTls } from "node:https";
import { DEFAULT_HOST, examples, type Example, type Load } from "./load.ts";
import { parseSeen, SEEN_HEADER } from "./seen-header.ts";

interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly seen: string;
}

/** Longer than any single request takes; a proxy that answers none is broken. */
const TIMEOUT_MS = 5000;

/** Each of several workers takes the backends in turn for itself, so that two requests may meet the same one. */
const MAX_PROBES = 20;

/** Throws with what the proxy does not do. */
export async function checkEqualWork(name: string, target: CheckedTarget, load: Load): Promise<void> {
  const [first] = examples(load);
  assert(first !== undefined, "a load has requests");
  const answer = await ask(target, first);
  assert.equal(answer.status, 200, `${name}: the status of ${first.path}`);
  assert.equal(answer.bytes, first.answerBytes, `${name}: the length of what ${first.path} answers`);
  const { method: _method, body: _body, ...rest } = first;
  const path = `${first.path.slice(0, first.path.lastIndexOf("/") + 1)}probe`;
  const ports = new Set<number>();
  for (let i = 0; i < MAX_PROBES && ports.size < 2; i++) {
    const { seen } = await ask(target, { ...rest, method: "GET", path });
    const { port, missing } = parseSeen(seen);
    assert.deepEqual(missing, [], `${name}: fields that do not reach the backend`);
    ports.add(port);
  }
  assert.equal(ports.size, 2, `${name}: backends that requests reach`);
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What is asked once: `tls` as the load will speak it. */
interface CheckedTarget extends Target {
  readonly tls: boolean;
}

function ask({ host, port, tls }: CheckedTarget, example: Example): Promise<Answer> {
  const { method, path, fields, body } = example;
  const headers = { ...Object.fromEntries(fields), Host: example.host ?? DEFAULT_HOST, Connection: "close" };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const options = { host, port, method, path, headers, agent: false, signal, rejectUnauthorized: false };
    const sent = (tls ? requestTls : request)(options, (response) => {
      readAnswer(response).then(resolve, reject);
    });
    sent.once("error", reject);
    if (body === undefined) return void sent.end();
    if (body.chunked) sent.write(Buffer.alloc(body.bytes, "x"), () => sent.end());
    else sent.setHeader("Content-Length", body.bytes).end(Buffer.alloc(body.bytes, "x"));
  });
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) bytes += part.length;
  const seen = response.headers[SEEN_HEADER.toLowerCase()];
  return { status: response.statusCode ?? 0, bytes, seen: typeof seen === "string" ? seen : "" };
}
