/**
 * Plays one case of frames as Autobahn's tester does, and judges what came of it: the events, who began
 * the closing handshake, with which code, and whether it was a clean end. The server has to be the one
 * that ends the connection (RFC 6455 section 7.1.1).
 */
import { closePayload } from "../../test/support/ws-frames.ts";
import { type Action, expectedHex, type ExpectedEvent, type FrameCase, payloadOf } from "./autobahn-cases.ts";
import { type ChannelEvent, FrameChannel } from "../../test/support/frame-channel.ts";
import type { StreamOpener } from "../../test/support/websocket-stream.ts";

/** Beyond what a case gives: a busy machine is late. */
const GRACE_MS = 4000;

const NORMAL = 1000;

/** What failed; undefined when the case passed. */
export async function playFrames(
  testCase: FrameCase,
  port: number,
  open: StreamOpener,
): Promise<string | undefined> {
  const { stream } = await open(port, "");
  const player = new Player(testCase, new FrameChannel(stream));
  return await player.play();
}

class Player {
  readonly #case: FrameCase;
  readonly #channel: FrameChannel;
  readonly #events: string[] = [];
  readonly #expected: readonly string[];
  /** Of the message whose frame is sent in parts. */
  #opcode = 0;
  /** Its masking key: with this one the payload is its own masked form. */
  readonly #key = Buffer.alloc(4);

  constructor(testCase: FrameCase, channel: FrameChannel) {
    this.#case = testCase;
    this.#channel = channel;
    this.#expected = testCase.expected.map((events) => events.map(expectedText).join("\n"));
    channel.onEvent = (event) => this.#note(eventText(event));
  }

  async play(): Promise<string | undefined> {
    for (const action of this.#case.actions) {
      if (this.#channel.ended) break;
      await this.#act(action);
    }
    const endedByServer = this.#channel.ended || (await this.#channel.over(GRACE_MS));
    this.#channel.drop();
    return endedByServer ? this.#judge() : `the server does not end the connection; ${this.#seen()}`;
  }

  async #act(action: Action): Promise<void> {
    const channel = this.#channel;
    switch (action.op) {
      case "frame": {
        const { opcode, fin, rsv, chop } = action;
        channel.send({ opcode, fin, rsv, payload: payloadOf(action) }, chop);
        return;
      }
      case "message":
        this.#sendMessage(payloadOf(action), action.binary ? 2 : 1, action.fragment ?? Infinity);
        return;
      case "begin_message":
        this.#opcode = action.opcode;
        return;
      case "begin_frame":
        channel.sendBytes(
          Buffer.concat([Buffer.from([0x80 | this.#opcode, 0x80 | action.length]), this.#key]),
        );
        return;
      case "frame_data":
        channel.sendBytes(payloadOf(action));
        return;
      case "end_message":
        return;
      case "close":
      case "closeframe":
        channel.close(closeBytes(action.code, action.reason_hex));
        return;
      case "wait_s":
        if (!(await channel.over(action.t * 1000)) && action.tag !== null)
          this.#note(`timeout ${action.tag}`);
        return;
      case "close_after_s":
        if (!(await channel.over(action.t * 1000))) channel.close(closePayload(NORMAL));
        return;
      case "kill_after_s":
        await channel.over(action.t * 1000);
        return;
    }
  }

  #sendMessage(payload: Buffer, opcode: number, fragmentBytes: number): void {
    let start = 0;
    do {
      const end = Math.min(payload.length, start + fragmentBytes);
      const fin = end === payload.length;
      this.#channel.send({ opcode: start === 0 ? opcode : 0, fin, payload: payload.subarray(start, end) });
      start = end;
    } while (start < payload.length);
  }

  #note(text: string): void {
    this.#events.push(text);
    const { close, suppressClose } = this.#case;
    const complete = this.#expected.includes(this.#events.join("\n"));
    if (complete && close.closedByMe && !suppressClose && !this.#closesLater)
      this.#channel.close(closePayload(NORMAL));
  }

  get #closesLater(): boolean {
    return this.#case.actions.some(({ op }) => op === "close_after_s");
  }

  #judge(): string | undefined {
    const { close, informational } = this.#case;
    const { closedByMe, clean, remoteCode, violation } = this.#channel;
    if (violation !== undefined) return violation;
    if (!informational && !this.#expected.includes(this.#events.join("\n")))
      return `other events; ${this.#seen()}`;
    if (close.closedByMe !== closedByMe) return `closed by the wrong side; ${this.#seen()}`;
    if (close.requireClean && !clean) return `not a clean end; ${this.#seen()}`;
    if (remoteCode !== undefined && !close.closeCode.includes(remoteCode))
      return `closed with ${remoteCode}, not ${close.closeCode.join(" or ")}; ${this.#seen()}`;
    return undefined;
  }

  #seen(): string {
    return `seen: ${this.#events.map((text) => text.slice(0, 80)).join(", ")} (Close ${this.#channel.remoteCode ?? "without code"})`;
  }
}

function eventText(event: ChannelEvent): string {
  const hex = event.payload.toString("hex");
  return event.kind === "message"
    ? `message ${event.binary ? "binary" : "text"} ${hex}`
    : `${event.kind} ${hex}`;
}

function expectedText(event: ExpectedEvent): string {
  if (event[0] === "message") return `message ${event[2] ? "binary" : "text"} ${expectedHex(event[1])}`;
  return `${event[0]} ${event[1]}`;
}

function closeBytes(code: number | null, reasonHex: string | null): Buffer {
  const reason = Buffer.from(reasonHex ?? "", "hex");
  return code === null ? reason : Buffer.concat([closePayload(code), reason]);
}
