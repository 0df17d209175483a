/** WebSocket (RFC 6455, RFC 8441, RFC 9220): messages of several sizes come back, Ping is answered, and the Close of either side arrives. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { WebSocket } from "ws";
import { HOST } from "../../../test/support/addresses.ts";
import { openWebSocket } from "../../peers/h3-websocket.ts";
import { FrameChannel } from "../../../test/support/frame-channel.ts";
import { waitFor, within } from "../../../test/support/wait-for.ts";
import { closePayload } from "../../../test/support/ws-frames.ts";
import type { Cell } from "../cells.ts";
import { openSession } from "../client.ts";
import type { MatrixCase } from "../matrix-case.ts";

const MESSAGES: readonly Buffer[] = [Buffer.from("hello"), randomBytes(70_000), randomBytes(1_000_000)];
const CLOSE_CODE = 4000;
const STEP_TIMEOUT_MS = 5000;

export const WEBSOCKET: MatrixCase = {
  name: "websocket-echo",
  play: (cell) => {
    if (cell.front === "h3") return byConnectH3(cell);
    return cell.front === "h1" || cell.front === "h1s" ? byUpgrade(cell) : byConnect(cell);
  },
};

async function byUpgrade({ front, port }: Cell): Promise<void> {
  const url = `${front === "h1s" ? "wss" : "ws"}://${HOST}:${port}/chat`;
  const socket = new WebSocket(url, { rejectUnauthorized: false, perMessageDeflate: false });
  try {
    await within("the handshake", STEP_TIMEOUT_MS, once(socket, "open"));
    for (const message of MESSAGES) {
      socket.send(message);
      const [back] = (await within("an echo", STEP_TIMEOUT_MS, once(socket, "message"))) as [Buffer];
      assert.ok(back.equals(message), `${message.length} octets`);
    }
    socket.ping("well?");
    const [pong] = (await within("a Pong", STEP_TIMEOUT_MS, once(socket, "pong"))) as [Buffer];
    assert.equal(pong.toString(), "well?");
    socket.close(CLOSE_CODE);
    const [code] = (await within("the end", STEP_TIMEOUT_MS, once(socket, "close"))) as [number];
    assert.equal(code, CLOSE_CODE);
  } finally {
    socket.terminate();
  }
}

async function byConnect({ front, port }: Cell): Promise<void> {
  const session = await openSession(front, port);
  try {
    assert.equal(session.remoteSettings.enableConnectProtocol, true);
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": front === "h2s" ? "https" : "http",
      ":authority": `${HOST}:${port}`,
      ":path": "/chat",
      "sec-websocket-version": "13",
    });
    await agreed(stream);
    await talk(new FrameChannel(stream));
  } finally {
    session.destroy();
  }
}

async function byConnectH3({ h3, port }: Cell): Promise<void> {
  assert.ok(h3 !== undefined);
  const { stream, close } = await openWebSocket(h3, port, { path: "/chat" });
  try {
    await talk(new FrameChannel(stream));
  } finally {
    close();
  }
}

async function agreed(stream: ClientHttp2Stream): Promise<void> {
  const [head] = (await within("the handshake", STEP_TIMEOUT_MS, once(stream, "response"))) as [object];
  assert.equal((head as Record<string, unknown>)[":status"], 200);
}

async function talk(channel: FrameChannel): Promise<void> {
  const came: { readonly kind: string; readonly payload: Buffer }[] = [];
  channel.onEvent = (event) => void came.push(event);
  for (const [index, payload] of MESSAGES.entries()) {
    channel.send({ payload, opcode: 2 });
    const back = await waitFor("an echo", () => came[index]);
    assert.ok(back.kind === "message" && back.payload.equals(payload), `${payload.length} octets`);
  }
  channel.send({ opcode: 9, payload: Buffer.from("well?") });
  const pong = await waitFor("a Pong", () => came[MESSAGES.length]);
  assert.deepEqual([pong.kind, pong.payload.toString()], ["pong", "well?"]);
  channel.close(closePayload(CLOSE_CODE));
  assert.ok(await channel.over(STEP_TIMEOUT_MS), "the stream ends");
  assert.deepEqual([channel.remoteCode, channel.clean, channel.violation], [CLOSE_CODE, true, undefined]);
}
