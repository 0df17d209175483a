/**
 * Two HTTP/3 connections of `wire/h3` and a simulated QUIC between them, for properties: whatever flow
 * control, sizes and order are, each octet that one side sends is one that the other has to expect.
 */
import assert from "node:assert/strict";
import type { Fault } from "../../src/base/fault.ts";
import { H3Code } from "../../src/wire/h3/error-code.ts";
import { H3Connection } from "../../src/wire/h3/h3-connection.ts";
import type { H3Error } from "../../src/wire/h3/h3-error.ts";
import { DEFAULT_H3_LIMITS, type H3Limits } from "../../src/wire/h3/h3-limits.ts";
import type { H3ClientOwner, H3ServerOwner } from "../../src/wire/h3/h3-owner.ts";
import type { H3Stream } from "../../src/wire/h3/h3-stream.ts";
import { Fields } from "../../src/wire/http/fields.ts";
import { HttpVersion, RequestHead, ResponseHead, UNKNOWN_LENGTH } from "../../src/wire/http/message.ts";
import { addField } from "./h2-endpoint.ts";
import type { Script } from "./h2-link.ts";
import { QuicSide, type Roll } from "./quic-pair.ts";

/** An octet at a place of a body tells whose body it is, and where. */
function octetAt(seed: number, at: number): number {
  return (seed * 31 + at * 7 + (at >>> 8)) & 0xff;
}

/** One side of an exchange: sends a body in parts as the connection lets it, and checks what comes. */
export class H3Side {
  readonly stream: H3Stream;
  readonly script: Script;
  receivedBytes = 0;
  ended = false;
  /** Last calls: there must be one, unless this side has reset the stream. */
  over = 0;
  reset = false;
  error = "";
  trailers = "";
  /** Waits for `onStreamDrained`. */
  waiting = false;
  readonly #connection: H3Connection;
  readonly #totalBytes: number;
  readonly #seeds: readonly [send: number, receive: number];
  #paused = false;
  #unpassedBytes = 0;
  #sent = 0;
  #endSent = false;

  constructor(connection: H3Connection, stream: H3Stream, script: Script, isClient: boolean) {
    this.#connection = connection;
    this.stream = stream;
    this.script = script;
    this.#totalBytes = isClient ? script.requestBytes : script.responseBytes;
    this.#seeds = isClient ? [stream.id, stream.id + 1] : [stream.id + 1, stream.id];
  }

  /** Sends the next part, or the end. */
  send(): void {
    if (this.waiting || this.#endSent || this.over > 0 || this.reset) return;
    const size = Math.min(this.script.partBytes, this.#totalBytes - this.#sent);
    if (size === 0) {
      this.#endSent = true;
      const trailers = new Fields();
      if (this.script.trailers) addField(trailers, "X-Sum", String(this.#totalBytes));
      return this.#connection.sendEnd(this.stream, trailers);
    }
    const part = Buffer.from(Array.from({ length: size }, (_, i) => octetAt(this.#seeds[0], this.#sent + i)));
    this.#sent += size;
    if (!this.#connection.sendData(this.stream, part, 0, size)) this.waiting = true;
    part.fill(0);
  }

  /** Passes nothing on for now, or all of it again. */
  toggle(): void {
    this.#paused = !this.#paused;
    if (!this.#paused) this.#pass();
  }

  take(bytes: Buffer, start: number, end: number): void {
    for (let i = start; i < end; i++)
      assert.equal(bytes[i], octetAt(this.#seeds[1], this.receivedBytes + i - start));
    this.receivedBytes += end - start;
    this.#unpassedBytes += end - start;
    if (!this.#paused) this.#pass();
  }

  giveUp(): void {
    if (this.over > 0 || this.reset) return;
    this.reset = true;
    this.#connection.reset(this.stream, H3Code.requestCancelled);
  }

  #pass(): void {
    this.#connection.consumed(this.stream, this.#unpassedBytes);
    this.#unpassedBytes = 0;
  }
}

/** What both owners do alike. */
export class H3SideOwner {
  connection!: H3Connection;
  readonly sides = new Map<number, H3Side>();
  settled = 0;
  failed = "";

  side(stream: H3Stream): H3Side {
    return this.sides.get(stream.id) as H3Side;
  }

  onData(stream: H3Stream, bytes: Buffer, start: number, end: number): void {
    this.side(stream).take(bytes, start, end);
  }

  onEnd(stream: H3Stream, trailers: Fields): void {
    const side = this.side(stream);
    assert.equal(side.ended, false);
    side.ended = true;
    side.trailers = trailers.toArray().join();
  }

  onStreamDrained(stream: H3Stream): void {
    const side = this.side(stream);
    assert.equal(side.waiting, true);
    side.waiting = false;
  }

  onStreamClosed(stream: H3Stream): void {
    this.side(stream).over++;
  }

  onStreamError(stream: H3Stream, error: H3Error): void {
    this.side(stream).over++;
    this.side(stream).error = error.toString();
  }

  onSettings(): void {
    this.settled++;
  }

  onGoAway(): void {}

  onConnectionError(error: H3Error): void {
    this.failed = error.toString();
  }
}

class ServerOwner extends H3SideOwner implements H3ServerOwner {
  readonly #scripts: readonly Script[];

  constructor(scripts: readonly Script[]) {
    super();
    this.#scripts = scripts;
  }

  requestHead(stream: H3Stream): RequestHead {
    const head = new RequestHead();
    stream.user = head;
    return head;
  }

  onRequest(stream: H3Stream): void {
    const head = stream.user as RequestHead;
    const script = this.#scripts[Number(head.path.slice(1))] as Script;
    this.sides.set(stream.id, new H3Side(this.connection, stream, script, false));
    assert.equal(head.fields.value(0), "value".repeat(10));
    const response = new ResponseHead();
    response.status = 200;
    response.version = HttpVersion.http2;
    response.bodyLength = script.announced ? script.responseBytes : UNKNOWN_LENGTH;
    addField(response.fields, "X-Path", head.path);
    this.connection.sendHead(stream, response, false);
  }

  onBadRequest(_stream: H3Stream, fault: Fault): void {
    assert.fail(fault.toString());
  }
}

class ClientOwner extends H3SideOwner implements H3ClientOwner {
  responseHead(): ResponseHead {
    return new ResponseHead();
  }

  onInformational(): void {}
  onResponse(): void {}
}

export interface H3World {
  readonly scripts: readonly Script[];
  readonly limits: Partial<H3Limits>;
  readonly streams: number;
  /** Decides sizes and turns. */
  readonly seed: number;
}

/** Two connections and QUIC between them. */
export class H3Link {
  readonly client: ClientOwner = new ClientOwner();
  readonly server: ServerOwner;
  readonly clientQuic: QuicSide;
  readonly serverQuic: QuicSide;
  readonly #clock = { nowMs: 0 };
  readonly #world: H3World;
  readonly #roll: Roll;
  #opened = 0;

  constructor(world: H3World) {
    this.#world = world;
    let dice = world.seed;
    this.#roll = (sides): number => {
      // A linear congruential generator; its high bits are the better ones.
      dice = (Math.imul(dice, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((dice / 2 ** 32) * sides);
    };
    const clock = this.#clock;
    const limits = {
      ...DEFAULT_H3_LIMITS,
      maxPeerResets: 1e6,
      maxErrorResets: 1e6,
      maxUnconsumedBytes: 64,
      ...world.limits,
    };
    this.server = new ServerOwner(world.scripts);
    this.clientQuic = new QuicSide(false, this.#roll, world.streams);
    this.serverQuic = new QuicSide(true, this.#roll, 0);
    this.clientQuic.join(this.serverQuic);
    this.serverQuic.join(this.clientQuic);
    const client = { role: "client", scheme: "https", clock, limits } as const;
    this.client.connection = new H3Connection({ ...client, sink: this.clientQuic, owner: this.client });
    const server = { role: "server", clock, limits } as const;
    this.server.connection = new H3Connection({ ...server, sink: this.serverQuic, owner: this.server });
    this.clientQuic.user = this.client.connection;
    this.serverQuic.user = this.server.connection;
    this.client.connection.start();
    this.server.connection.start();
  }

  /** A bounded number of steps, so that what hangs is found and does not hang. */
  run(): void {
    for (let steps = 0; steps < 20_000; steps++) {
      this.#clock.nowMs += 5;
      if (!this.#step()) return;
    }
    assert.fail("it does not come to an end");
  }

  /** False: nothing is left to be done. */
  #step(): boolean {
    const opening = this.#open();
    for (const owner of [this.client, this.server]) {
      for (const side of owner.sides.values()) {
        if (this.#roll(2) === 0) side.send();
        if (this.#roll(5) === 0) side.toggle();
        const { resetBy, resetAfterBytes } = side.script;
        const mine = resetBy === (owner === this.client ? "client" : "server");
        if (mine && side.receivedBytes >= resetAfterBytes) side.giveUp();
      }
      owner.connection.flush();
    }
    const busy = [this.clientQuic.step(), this.serverQuic.step()];
    return opening || busy.includes(true) || !this.#settled();
  }

  #open(): boolean {
    const script = this.#world.scripts[this.#opened];
    if (script === undefined) return false;
    const head = new RequestHead();
    head.method = "POST";
    head.authority = "example.com";
    head.path = `/${this.#opened}`;
    head.version = HttpVersion.http2;
    head.bodyLength = script.announced ? script.requestBytes : UNKNOWN_LENGTH;
    addField(head.fields, "X-Value", "value".repeat(10));
    addField(head.fields, "Priority", script.priority);
    const stream = this.client.connection.openStream(head, false, {});
    if (stream === null) return true;
    this.#opened++;
    this.client.sides.set(stream.id, new H3Side(this.client.connection, stream, script, true));
    return true;
  }

  #settled(): boolean {
    const sides = [...this.client.sides.values(), ...this.server.sides.values()];
    return sides.every((side) => side.over > 0 || side.reset);
  }
}
