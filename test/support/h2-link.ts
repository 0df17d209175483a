/**
 * Two HTTP/2 connections of `wire/h2` and a simulated link between them, for properties: whatever the
 * windows, the sizes and the order, each octet that one side sends is one that the other has to expect.
 */
import assert from "node:assert/strict";
import type { Fault } from "../../src/base/fault.ts";
import { H2Connection } from "../../src/wire/h2/h2-connection.ts";
import type { H2Error } from "../../src/wire/h2/h2-error.ts";
import { DEFAULT_H2_LIMITS, type H2Limits } from "../../src/wire/h2/h2-limits.ts";
import type { H2ClientOwner, H2ServerOwner } from "../../src/wire/h2/h2-owner.ts";
import type { H2Stream } from "../../src/wire/h2/h2-stream.ts";
import { Fields } from "../../src/wire/http/fields.ts";
import { HttpVersion, RequestHead, ResponseHead, UNKNOWN_LENGTH } from "../../src/wire/http/message.ts";
import { addField, MemorySink } from "./h2-endpoint.ts";

/** What one exchange does. */
export interface Script {
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly partBytes: number;
  /** The lengths are announced. */
  readonly announced: boolean;
  readonly trailers: boolean;
  /** After so many octets received, this side resets. */
  readonly resetBy: "nobody" | "client" | "server";
  readonly resetAfterBytes: number;
  readonly priority: string;
}

/** An octet at a place of a body tells whose body it is, and where. */
function octetAt(seed: number, at: number): number {
  return (seed * 31 + at * 7 + (at >>> 8)) & 0xff;
}

/** One side of an exchange: sends a body in parts as the connection lets it, and checks what comes. */
export class Side {
  readonly stream: H2Stream;
  readonly script: Script;
  receivedBytes = 0;
  ended = false;
  /** Last calls: there must be one, unless this side has reset the stream. */
  over = 0;
  reset = false;
  error = "";
  trailers = "";
  /** Octets that came and are not passed on. */
  heldBytes = 0;
  paused = false;
  readonly #connection: H2Connection;
  readonly #totalBytes: number;
  readonly #sendSeed: number;
  readonly #receiveSeed: number;
  #sent = 0;
  #endSent = false;

  constructor(connection: H2Connection, stream: H2Stream, script: Script, isClient: boolean) {
    this.#connection = connection;
    this.stream = stream;
    this.script = script;
    this.#totalBytes = isClient ? script.requestBytes : script.responseBytes;
    this.#sendSeed = stream.id * 2 + (isClient ? 0 : 1);
    this.#receiveSeed = stream.id * 2 + (isClient ? 1 : 0);
  }

  /** Sends the next part, or the end. */
  step(): void {
    if (this.paused || this.#endSent || this.over > 0 || this.reset) return;
    const size = Math.min(this.script.partBytes, this.#totalBytes - this.#sent);
    if (size === 0) {
      this.#endSent = true;
      const trailers = new Fields();
      if (this.script.trailers) addField(trailers, "X-Sum", String(this.#totalBytes));
      return this.#connection.sendEnd(this.stream, trailers);
    }
    const part = Buffer.from(Array.from({ length: size }, (_, i) => octetAt(this.#sendSeed, this.#sent + i)));
    this.#sent += size;
    if (!this.#connection.sendData(this.stream, part, 0, size)) this.paused = true;
    part.fill(0);
  }

  take(bytes: Buffer, start: number, end: number): void {
    for (let i = start; i < end; i++)
      assert.equal(bytes[i], octetAt(this.#receiveSeed, this.receivedBytes + i - start));
    this.receivedBytes += end - start;
    this.heldBytes += end - start;
  }

  /** Passes on what it holds. */
  consume(): void {
    const bytes = this.heldBytes;
    this.heldBytes = 0;
    if (bytes > 0) this.#connection.consumed(this.stream, bytes);
  }

  giveUp(): void {
    if (this.over > 0 || this.reset) return;
    this.reset = true;
    this.#connection.reset(this.stream, 8);
  }
}

/** What both owners do alike. */
export class SideOwner {
  connection!: H2Connection;
  readonly sides = new Map<number, Side>();
  goneAway = 0;
  /** The peer has said how many streams it takes. */
  settled = false;
  failed = "";

  side(stream: H2Stream): Side {
    return this.sides.get(stream.id) as Side;
  }

  onData(stream: H2Stream, bytes: Buffer, start: number, end: number): void {
    this.side(stream).take(bytes, start, end);
  }

  onEnd(stream: H2Stream, trailers: Fields): void {
    const side = this.side(stream);
    assert.equal(side.ended, false);
    side.ended = true;
    side.trailers = trailers.toArray().join();
  }

  onStreamDrained(stream: H2Stream): void {
    const side = this.side(stream);
    assert.equal(side.paused, true);
    side.paused = false;
  }

  onStreamClosed(stream: H2Stream): void {
    this.side(stream).over++;
  }

  onStreamError(stream: H2Stream, error: H2Error): void {
    this.side(stream).over++;
    this.side(stream).error = error.toString();
  }

  onSettings(): void {
    this.settled = true;
  }

  onGoAway(): void {
    this.goneAway++;
  }

  onPong(): void {}

  onConnectionError(error: H2Error): void {
    this.failed = error.toString();
  }
}

class ServerOwner extends SideOwner implements H2ServerOwner {
  readonly #scripts: readonly Script[];

  constructor(scripts: readonly Script[]) {
    super();
    this.#scripts = scripts;
  }

  requestHead(stream: H2Stream): RequestHead {
    const head = new RequestHead();
    stream.user = head;
    return head;
  }

  onRequest(stream: H2Stream): void {
    const head = stream.user as RequestHead;
    const script = this.#scripts[Number(head.path.slice(1))] as Script;
    this.sides.set(stream.id, new Side(this.connection, stream, script, false));
    assert.equal(head.fields.value(0), "value".repeat(10));
    const response = new ResponseHead();
    response.status = 200;
    response.version = HttpVersion.http2;
    response.bodyLength = script.announced ? script.responseBytes : UNKNOWN_LENGTH;
    addField(response.fields, "X-Path", head.path);
    this.connection.sendHead(stream, response, false);
  }

  onBadRequest(_stream: H2Stream, fault: Fault): void {
    assert.fail(fault.toString());
  }
}

class ClientOwner extends SideOwner implements H2ClientOwner {
  responseHead(): ResponseHead {
    return new ResponseHead();
  }

  onInformational(): void {}
  onResponse(): void {}
}

export interface World {
  readonly scripts: readonly Script[];
  readonly clientLimits: Partial<H2Limits>;
  readonly serverLimits: Partial<H2Limits>;
  readonly highWaterBytes: number;
  /** Decides sizes and turns. */
  readonly seed: number;
}

/** Two connections and the link between them. */
export class Link {
  readonly client: ClientOwner = new ClientOwner();
  readonly server: ServerOwner;
  readonly clientSink = new MemorySink();
  readonly serverSink = new MemorySink();
  readonly clock = { nowMs: 0 };
  readonly #world: World;
  /** On the way to the server, and to the client. */
  #toServer: Buffer = Buffer.alloc(0);
  #toClient: Buffer = Buffer.alloc(0);
  #dice: number;
  #opened = 0;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.seed;
    const { clock } = this;
    this.server = new ServerOwner(world.scripts);
    this.clientSink.highWaterBytes = world.highWaterBytes;
    this.serverSink.highWaterBytes = world.highWaterBytes;
    const clientLimits = {
      ...DEFAULT_H2_LIMITS,
      ...world.clientLimits,
      maxPeerResets: 1e6,
      maxErrorResets: 1e6,
    };
    const serverLimits = {
      ...DEFAULT_H2_LIMITS,
      ...world.serverLimits,
      maxPeerResets: 1e6,
      maxErrorResets: 1e6,
    };
    const options = {
      role: "client",
      scheme: "http",
      clock,
      sink: this.clientSink,
      limits: clientLimits,
    } as const;
    this.client.connection = new H2Connection({ ...options, owner: this.client });
    this.server.connection = new H2Connection({
      role: "server",
      clock,
      sink: this.serverSink,
      limits: serverLimits,
      owner: this.server,
    });
    this.client.connection.start();
    this.server.connection.start();
  }

  roll(sides: number): number {
    // A linear congruential generator; its high bits are the better ones.
    this.#dice = (Math.imul(this.#dice, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#dice / 2 ** 32) * sides);
  }

  /** A bounded number of steps, so that what hangs is found and does not hang. */
  run(): void {
    for (let steps = 0; steps < 20_000; steps++) {
      this.clock.nowMs += 5;
      if (!this.#step()) return;
    }
    assert.fail("it does not come to an end");
  }

  /** False: nothing is left to be done. */
  #step(): boolean {
    const opened = this.#open();
    for (const owner of [this.client, this.server]) {
      for (const side of owner.sides.values()) {
        if (this.roll(2) === 0) side.step();
        if (this.roll(3) === 0) side.consume();
        const { resetBy, resetAfterBytes } = side.script;
        const mine = resetBy === (owner === this.client ? "client" : "server");
        if (mine && side.receivedBytes >= resetAfterBytes) side.giveUp();
      }
    }
    this.#toServer = this.#carry(this.#toServer, this.clientSink, this.client, this.server);
    this.#toClient = this.#carry(this.#toClient, this.serverSink, this.server, this.client);
    const idle = this.#toServer.length + this.#toClient.length === 0;
    return opened || !idle || !this.#settled();
  }

  #open(): boolean {
    const { scripts } = this.#world;
    const script = scripts[this.#opened];
    if (script === undefined) return false;
    if (!this.client.settled) return true;
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
    this.client.sides.set(stream.id, new Side(this.client.connection, stream, script, true));
    return true;
  }

  /** Takes what was sent, or leaves it, and delivers a part of what is on the way. */
  #carry(way: Buffer, sink: MemorySink, from: SideOwner, to: SideOwner): Buffer {
    let rest = way;
    if (this.roll(3) > 0) {
      const wasBlocked = sink.blocked();
      rest = Buffer.concat([way, sink.take()]);
      if (wasBlocked) from.connection.onSinkDrained();
    }
    const size = Math.min(rest.length, [1, 9, 100, 5000, 1_000_000][this.roll(5)] as number);
    const part = Buffer.from(rest.subarray(0, size));
    to.connection.receive(part, 0, size);
    part.fill(0xee);
    return rest.subarray(size);
  }

  #settled(): boolean {
    const sides = [...this.client.sides.values(), ...this.server.sides.values()];
    const written = this.clientSink.queuedBytes() + this.serverSink.queuedBytes();
    return written === 0 && sides.every((side) => side.over > 0 || side.reset);
  }
}
