/** What a recording backend can be told to do, from well-behaved to broken. */
import type { RecordedRequest, Script } from "./recording-backend.ts";
import { pause } from "./wait-for.ts";

/** An answer with a length and the given extra field lines. */
export function respond(status: string, body: string | Buffer = "", ...lines: string[]): Script {
  const bytes = Buffer.from(body);
  const head = [`HTTP/1.1 ${status}`, ...lines, `Content-Length: ${bytes.length}`].join("\r\n");
  return (request, answer) => {
    answer.write(`${head}\r\n\r\n`);
    if (request.method !== "HEAD") answer.write(bytes);
  };
}

/** 200 with the request as JSON: method, target, fields, body (Latin-1), trailers. */
export const echo: Script = (request, answer) => {
  const body = Buffer.from(JSON.stringify(describe(request)));
  answer.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`);
  answer.write(body);
};

export interface Echoed {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
}

function describe(request: RecordedRequest): Echoed {
  const { method, target, fields, body, message } = request;
  return { method, target, fields, body: body.toString("latin1"), trailers: message.trailers };
}

/** 200 with the name of the backend as its body. */
export function named(name: string): Script {
  return respond("200 OK", name, `X-Backend: ${name}`);
}

/** A chunked answer, one chunk for each part, with optional trailer lines. */
export function chunked(parts: readonly string[], trailers: readonly string[] = []): Script {
  return (_request, answer) => {
    answer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const part of parts) answer.write(`${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`);
    answer.write(`0\r\n${trailers.map((line) => `${line}\r\n`).join("")}\r\n`);
  };
}

/** Exactly these bytes, then (optionally) FIN or RST. */
export function bytes(data: string | Buffer, then: "stay" | "fin" | "reset" = "stay"): Script {
  return async (_request, answer) => {
    answer.write(data);
    if (then === "fin") answer.end();
    if (then === "reset") {
      // The bytes must reach the gateway before the RST, which would discard them.
      await pause(20);
      answer.reset();
    }
  };
}

/** Promises `length` bytes, sends `sent` of them, and closes. */
export function dieInBody(length: number, sent: number, how: "fin" | "reset"): Script {
  return bytes(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(sent)}`, how);
}

/** Never answers. */
export const hang: Script = () => {};

/** Answers, and closes the connection without having said so: the race that keep-alive always has. */
export const closeAfterAnswer: Script = (_request, answer) => {
  answer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  answer.end();
};

/** Answers the first request of a connection; resets the connection when a second one comes. */
export const resetOnReuse: Script = (request, answer) => {
  if (request.index > 0) answer.reset();
  else answer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
};

/** Waits, then does what the other script does. */
export function after(ms: number, script: Script): Script {
  return async (request, answer) => {
    await pause(ms);
    await script(request, answer);
  };
}

/** A body of `total` bytes in pieces of 64 KiB, at the pace of the reader. */
export function streamed(total: number): Script {
  return async (_request, answer) => {
    answer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    const piece = Buffer.alloc(65_536, 0x61);
    for (let sent = 0; sent < total && !answer.socket.destroyed; sent += piece.length) {
      const part = total - sent < piece.length ? piece.subarray(0, total - sent) : piece;
      if (!answer.write(part)) await drained(answer.socket);
    }
  };
}

function drained(socket: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}
