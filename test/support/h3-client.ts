/**
 * HTTP/3 clients over UDP on the loopback interface, for tests that drive a gateway from outside: our own QUIC
 * and our own codec, in the client's role. A request is a promise of its whole response.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { Clock } from "../../src/base/clock.ts";
import { DgramUdp } from "../../src/fastpath/dgram-udp.ts";
import type { QuicClose } from "../../src/fastpath/quic-engine.ts";
import { QuicClientEndpoint } from "../../src/proxy/quic/client-endpoint.ts";
import type { QuicConnection } from "../../src/proxy/quic/quic-connection.ts";
import type { QuicOwner } from "../../src/proxy/quic/quic-owner.ts";
import { H3Code } from "../../src/wire/h3/error-code.ts";
import { H3Connection } from "../../src/wire/h3/h3-connection.ts";
import type { H3Error } from "../../src/wire/h3/h3-error.ts";
import { DEFAULT_H3_LIMITS } from "../../src/wire/h3/h3-limits.ts";
import type { H3ClientOwner } from "../../src/wire/h3/h3-owner.ts";
import type { H3Stream } from "../../src/wire/h3/h3-stream.ts";
import { RequestHead, ResponseHead } from "../../src/wire/http/message.ts";
import { HOST } from "./addresses.ts";
import type { CleanupScope } from "./gateway.ts";
import { udpAddress } from "./memory-udp.ts";
import { QuicWorld, TRANSPORT } from "./quic-world.ts";
import { waitFor, within } from "./wait-for.ts";

/** A response takes no longer; nothing here is slow. */
const ANSWER_LIMIT_MS = 10_000;

export interface H3ClientOptions {
  /** PEM of the authority that the gateway's certificate is checked with. */
  readonly caPem: string;
  /** Asked for, and verified. */
  readonly serverName: string;
}

/** What came back; rejected when the stream ended before its time. */
export interface H3Response {
  readonly status: number;
  readonly body: string;
  field(name: string): string | undefined;
}

/** Clients of one worker of their own, with one socket. */
export class H3Clients {
  readonly world: QuicWorld;
  readonly #endpoint: QuicClientEndpoint;

  private constructor(world: QuicWorld, endpoint: QuicClientEndpoint) {
    this.world = world;
    this.#endpoint = endpoint;
  }

  static async open(scope: CleanupScope): Promise<H3Clients> {
    const clock = new Clock();
    const sockets = new DgramUdp(clock);
    const world = await QuicWorld.open(sockets, clock);
    const { maxSendPayloadBytes } = TRANSPORT;
    const environment = world.environment(0);
    const endpoint = await QuicClientEndpoint.open({ environment, sockets, maxSendPayloadBytes });
    scope.after(() => {
      endpoint.close();
      world.close();
      return Promise.resolve();
    });
    return new H3Clients(world, endpoint);
  }

  /** Begins a connection to a port of this machine. */
  dial(port: number, options: H3ClientOptions): H3Client {
    const { caPem, serverName } = options;
    const client = new H3Client(this.world);
    const context = this.world.engine.client({
      transport: TRANSPORT,
      alpn: ["h3"],
      caPem,
      verifyPeer: true,
      serverName,
      verifyName: serverName,
      keyLogPath: "",
    });
    const remote = udpAddress(HOST, port);
    const link = this.#endpoint.connect({ context, transport: TRANSPORT, remote, serverName }, client);
    client.begin(link ?? assert.fail("the engine takes no connection"));
    return client;
  }

  /** A connection whose handshake is done. */
  async connect(port: number, options: H3ClientOptions): Promise<H3Client> {
    const client = this.dial(port, options);
    await waitFor("the handshake", () => client.established || client.closed !== null);
    assert.equal(client.closed, null, "the handshake failed");
    return client;
  }
}

class Pending {
  readonly head = new ResponseHead();
  readonly result = Promise.withResolvers<H3Response>();
  body = "";
}

export class H3Client implements QuicOwner, H3ClientOwner {
  link!: QuicConnection;
  readonly #world: QuicWorld;
  #codec!: H3Connection;
  established = false;
  closed: QuicClose | null = null;
  /** Identifiers of each GOAWAY. */
  readonly goAways: number[] = [];

  constructor(world: QuicWorld) {
    this.#world = world;
  }

  begin(link: QuicConnection): void {
    this.link = link;
    const { clock } = this.#world;
    const limits = DEFAULT_H3_LIMITS;
    this.#codec = new H3Connection({
      role: "client",
      owner: this,
      limits,
      sink: link,
      clock,
      scheme: "https",
    });
  }

  /** Names of the certificate that the gateway showed. */
  get certificateNames(): string {
    const [own] = this.link.engine.peerCertificates;
    return own === undefined ? "" : (new X509Certificate(own).subjectAltName ?? "");
  }

  /** A GET. */
  async request(path: string): Promise<H3Response> {
    const head = new RequestHead();
    head.method = "GET";
    head.authority = this.link.serverName;
    head.path = path;
    const pending = new Pending();
    assert.ok(this.#codec.openStream(head, true, pending) !== null, "no stream can be opened");
    return await within(`the answer to ${path}`, ANSWER_LIMIT_MS, pending.result.promise);
  }

  /** In order. */
  close(): void {
    this.#codec.close(H3Code.noError, "");
  }

  onEstablished(): void {
    this.established = true;
    this.#codec.start();
  }

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    this.#codec.streamData(id, bytes, start, end, fin);
  }

  onStreamReset(id: number, code: number): void {
    this.#codec.streamReset(id, code);
  }

  onStreamStopped(id: number, code: number): void {
    this.#codec.streamStopped(id, code);
  }

  onStreamWritable(id: number): void {
    this.#codec.streamWritable(id);
  }

  onStreamsAllowed(): void {
    this.#codec.streamsAllowed();
  }

  onDatagram(): void {}

  beforeSend(): void {
    this.#codec.flush();
  }

  onClosed(reason: QuicClose): void {
    this.closed = reason;
    this.#codec.closed("closed");
  }

  responseHead(stream: H3Stream): ResponseHead {
    return pendingOf(stream).head;
  }

  onInformational(): void {}

  onResponse(): void {}

  onData(stream: H3Stream, bytes: Buffer, start: number, end: number): void {
    pendingOf(stream).body += bytes.latin1Slice(start, end);
    this.#codec.consumed(stream, end - start);
  }

  onEnd(stream: H3Stream): void {
    const { head, body, result } = pendingOf(stream);
    const fields = head.fields.toArray().map(([name, value]) => [name.toLowerCase(), value] as const);
    const field = (name: string): string | undefined => fields.find(([each]) => each === name)?.[1];
    result.resolve({ status: head.status, body, field });
  }

  onStreamDrained(): void {}

  onStreamClosed(): void {}

  onStreamError(stream: H3Stream, error: H3Error): void {
    pendingOf(stream).result.reject(new Error(error.toString()));
  }

  onSettings(): void {}

  onGoAway(id: number): void {
    this.goAways.push(id);
  }

  onConnectionError(error: H3Error): void {
    assert.fail(`the gateway broke the protocol: ${error.toString()}`);
  }
}

function pendingOf(stream: H3Stream): Pending {
  return stream.user as Pending;
}
