/**
 * WebSocket tunnels over the memory transport: clients and backends of HTTP/1.1 (by Upgrade) and of HTTP/2 (by
 * extended CONNECT, RFC 8441), and clients of HTTP/3 (RFC 9220), each as one kind of end.
 */
import assert from "node:assert/strict";
import type { DownstreamH3 } from "../../src/proxy/downstream/downstream-h3.ts";
import { DRAIN_GRACE_MS } from "../../src/proxy/listener/drain-grace.ts";
import { H3Code } from "../../src/wire/h3/error-code.ts";
import { switching, upgrade } from "./memory-websocket.ts";
import { MemoryGateway } from "./memory-gateway.ts";
import type { H3Answer } from "./codec-h3-client.ts";
import { MemoryH3Client } from "./memory-h3-client.ts";
import { data, h2Backends, headers, type MemoryH2Backend, rstStream } from "./memory-h2.ts";
import { MemoryH2Client } from "./memory-h2-client.ts";
import type { MemoryPeer } from "./memory-peer.ts";
import type { PlanSpec } from "./memory-plan.ts";
import { CLOSE, closeText, readFrames } from "./ws-frames.ts";

export type Front = "h1" | "h2" | "h3";
export type Back = "h1" | "h2";

export const CELLS: readonly (readonly [Front, Back])[] = [
  ["h1", "h1"],
  ["h1", "h2"],
  ["h2", "h1"],
  ["h2", "h2"],
  ["h3", "h1"],
  ["h3", "h2"],
];

/** RFC 9113 section 7. */
const CANCEL = 8;

export abstract class CellEnd {
  abstract send(bytes: Buffer): void;
  abstract end(): void;
  abstract reset(): void;
  /** Everything that has come, without the handshake. */
  abstract get bytes(): Buffer;
  /** How the other side has ended its direction. */
  abstract get ending(): "open" | "fin" | "reset";

  /** The payloads of whole frames that are no Close frames. */
  get messages(): string[] {
    return readFrames(this.bytes)
      .frames.filter(({ opcode }) => opcode !== CLOSE)
      .map(({ payload }) => payload.toString());
  }

  /** `code reason` of the Close frame. */
  get closed(): string | undefined {
    const close = readFrames(this.bytes).frames.find(({ opcode }) => opcode === CLOSE);
    return close === undefined ? undefined : closeText(close);
  }
}

class EndH1 extends CellEnd {
  readonly #peer: MemoryPeer;

  constructor(peer: MemoryPeer) {
    super();
    this.#peer = peer;
  }

  send(bytes: Buffer): void {
    this.#peer.send(bytes);
  }

  end(): void {
    this.#peer.end();
  }

  reset(): void {
    this.#peer.fail("ECONNRESET");
  }

  get bytes(): Buffer {
    return this.#peer.bytes;
  }

  get ending(): "open" | "fin" | "reset" {
    const { ending } = this.#peer;
    return ending === "closed" ? "fin" : ending;
  }
}

/** A stream of a connection, the first of which there is. */
class EndH2 extends CellEnd {
  readonly #connection: MemoryH2Client | MemoryH2Backend;

  constructor(connection: MemoryH2Client | MemoryH2Backend) {
    super();
    this.#connection = connection;
  }

  send(bytes: Buffer): void {
    this.#connection.send(data(1, bytes));
  }

  end(): void {
    this.#connection.send(data(1, "", true));
  }

  reset(): void {
    this.#connection.send(rstStream(1, CANCEL));
  }

  get #state(): { readonly body: string; readonly ended: boolean; readonly reset: number } {
    const connection = this.#connection;
    return connection instanceof MemoryH2Client ? connection.response(1) : connection.request(0);
  }

  get bytes(): Buffer {
    return Buffer.from(this.#state.body, "latin1");
  }

  get ending(): "open" | "fin" | "reset" {
    const { ended, reset } = this.#state;
    if (ended) return "fin";
    return reset === -1 ? "open" : "reset";
  }
}

/** The client's end over HTTP/3. */
class EndH3 extends CellEnd {
  readonly #client: MemoryH3Client;
  readonly #answer: H3Answer;

  constructor(client: MemoryH3Client, answer: H3Answer) {
    super();
    this.#client = client;
    this.#answer = answer;
  }

  send(bytes: Buffer): void {
    this.#client.send(this.#answer, bytes);
  }

  end(): void {
    this.#client.end(this.#answer);
  }

  reset(): void {
    this.#client.connection.reset(this.#answer.stream, H3Code.requestCancelled);
    this.#client.turn();
  }

  get bytes(): Buffer {
    this.#client.turn();
    return Buffer.from(this.#answer.body, "latin1");
  }

  get ending(): "open" | "fin" | "reset" {
    this.#client.turn();
    const { ended, error } = this.#answer;
    if (ended) return "fin";
    return error === null ? "open" : "reset";
  }
}

export interface Cell {
  readonly gateway: MemoryGateway;
  readonly client: CellEnd;
  readonly backend: CellEnd;
  /** The client leaves. */
  hangUp(): void;
  /** The listener drains. */
  drain(): Promise<void>;
  /** The worker stops. */
  stop(): void;
}

/** An extended CONNECT; further fields behind, and in place of, those that it needs. */
export function extendedConnect(...changes: readonly (readonly [string, string | null])[]): Buffer {
  const fields = new Map<string, string | null>([
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", "http"],
    [":authority", "app.example"],
    [":path", "/chat"],
    ["sec-websocket-version", "13"],
  ]);
  for (const [name, value] of changes) fields.set(name, value);
  const pairs = [...fields].flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
  return headers(1, pairs, false);
}

/** A tunnel that is open, with the handshakes done. */
export function openCell(front: Front, back: Back, spec: PlanSpec = {}): Cell {
  const address = back === "h1" ? "10.0.0.1:80" : "h2://10.0.0.1:80";
  const gateway = new MemoryGateway({ services: { app: [address] }, ...spec });
  const sessions = back === "h2" ? h2Backends(gateway, { connect: true }) : [];
  const { client, opened, hangUp, served } = ASKING[front](gateway);
  const backend = back === "h1" ? agreeH1(gateway.backend()) : agreeH2(sessions[0]);
  opened();
  const drain = async (): Promise<void> => {
    await gateway.socket.drain();
    served?.announceClose(DRAIN_GRACE_MS);
  };
  const stop = (): void => {
    served?.abort();
    gateway.stop();
  };
  return { gateway, client, backend, hangUp, drain, stop };
}

const ASKING = { h1: askH1, h2: askH2, h3: askH3 } as const;

interface Asking {
  readonly client: CellEnd;
  /** The backend has agreed: the client must have been told. */
  opened(): void;
  hangUp(): void;
  /** Of a client that the gateway's own listener knows nothing of. */
  readonly served?: DownstreamH3;
}

function askH1(gateway: MemoryGateway): Asking {
  const peer = gateway.client();
  peer.send(upgrade("/chat"));
  return {
    client: new EndH1(peer),
    opened: () => assert.match(peer.take(), /^HTTP\/1\.1 101 .*\r\n\r\n$/s),
    hangUp: () => peer.fail("ECONNRESET"),
  };
}

function askH2(gateway: MemoryGateway): Asking {
  const client = new MemoryH2Client(gateway);
  client.send(extendedConnect());
  return {
    client: new EndH2(client),
    opened: () => {
      const { status, fields } = client.response(1);
      assert.equal(status, 200);
      for (const name of ["connection", "upgrade", "sec-websocket-accept"])
        assert.ok(!fields.some(([each]) => each === name), name);
    },
    hangUp: () => client.peer.fail("ECONNRESET"),
  };
}

function askH3(gateway: MemoryGateway): Asking {
  const client = new MemoryH3Client(gateway);
  const fields = [["sec-websocket-version", "13"]] as const;
  const answer = client.request("/chat", { upgrade: "websocket", fields, end: false });
  return {
    client: new EndH3(client, answer),
    opened: () => {
      client.turn();
      assert.equal(answer.status, 200);
      for (const name of ["connection", "upgrade", "sec-websocket-accept"])
        assert.equal(answer.field(name), undefined, name);
    },
    hangUp: () => void client.close(),
    served: client.server,
  };
}

function agreeH1(peer: MemoryPeer): CellEnd {
  peer.send(switching(peer.take()));
  return new EndH1(peer);
}

function agreeH2(session: MemoryH2Backend | undefined): CellEnd {
  assert.ok(session !== undefined, "a session was opened");
  const { fields } = session.request(0);
  const value = (name: string): string | undefined => fields.find(([each]) => each === name)?.[1];
  assert.deepEqual([value(":method"), value(":protocol"), value(":path")], ["CONNECT", "websocket", "/chat"]);
  assert.equal(value("sec-websocket-version"), "13");
  assert.equal(value("sec-websocket-key"), undefined);
  session.send(headers(1, [[":status", "200"]], false));
  return new EndH2(session);
}
