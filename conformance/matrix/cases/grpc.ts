/**
 * gRPC by hand, one message and a stream of them both ways: each is answered before the next is sent, and the
 * status comes in trailers. The calls of gRPC's own programs are in `../../grpc/`.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { waitFor } from "../../../test/support/wait-for.ts";
import type { Ask, Call } from "../call.ts";
import type { Cell } from "../cells.ts";
import { Digest } from "../digest.ts";
import type { MatrixCase } from "../matrix-case.ts";
import { ended, withClient } from "./exchange.ts";

/** Not compressed, length, message. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const MESSAGES: readonly Buffer[] = [Buffer.from("first"), randomBytes(30_000), randomBytes(100_000)].map(
  framed,
);

/** It has no trailers over HTTP/1.1 that gRPC would take. */
const fits = ({ front, back }: Cell): boolean => front !== "h1" && front !== "h1s" && back !== "h1";

function ask(path: string): Ask {
  return {
    method: "POST",
    path,
    headers: { "content-type": "application/grpc", te: "trailers" },
    body: true,
  };
}

async function judge(cell: Cell, call: Call, path: string, messages: readonly Buffer[]): Promise<void> {
  await call.over();
  const all = Digest.of(Buffer.concat(messages));
  assert.deepEqual([call.status, call.outcome, call.body.toString()], [200, "whole", all]);
  assert.equal(call.headers["content-type"], "application/grpc");
  assert.deepEqual([call.trailers["grpc-status"], call.trailers["grpc-message"]], ["0", "well"]);
  const seen = await ended(cell, path);
  assert.deepEqual([seen.body.toString(), seen.headers["te"]], [all, "trailers"]);
}

const unary: MatrixCase = {
  name: "grpc-unary",
  fits,
  play: (cell) =>
    withClient(cell, async (client) => {
      const path = "/grpc/unary";
      const call = client.open(ask(path));
      const messages = MESSAGES.slice(0, 1);
      for (const message of messages) call.end(message);
      await judge(cell, call, path, messages);
    }),
};

const streaming: MatrixCase = {
  name: "grpc-streaming",
  fits,
  play: (cell) =>
    withClient(cell, async (client) => {
      const path = "/grpc/stream";
      const call = client.open(ask(path));
      let octets = 0;
      for (const message of MESSAGES) {
        call.write(message);
        octets += message.length;
        await waitFor("the message to come back", () => call.body.length === octets);
      }
      call.end();
      await judge(cell, call, path, MESSAGES);
    }),
};

export const GRPC: readonly MatrixCase[] = [unary, streaming];
