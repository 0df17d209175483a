/**
 * WebSocket tunnels over the memory transport in all four cells: clients and backends of HTTP/1.1 (by
 * Upgrade) and of HTTP/2 (by extended CONNECT, RFC 8441), each as one kind of end.
 */
import assert from "node:assert/strict";
import { switching, upgrade } from "./memory-websocket.ts";
import { MemoryGateway } from "./memory-gateway.ts";
import { data, h2Backends, headers, type MemoryH2Backend, rstStream } from "./memory-h2.ts";
import { MemoryH2Client } from "./memory-h2-client.ts";
import type { MemoryPeer } from "./memory-peer.ts";
import type { PlanSpec } from "./memory-plan.ts";
import { CLOSE, closeText, readFrames } from "./ws-frames.ts";

export type Version = "h1" | "h2";

export const CELLS: readonly (readonly [Version, Version])[] = [
  ["h1", "h1"],
  ["h1", "h2"],
  ["h2", "h1"],
  ["h2", "h2"],
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

export interface Cell {
  readonly gateway: MemoryGateway;
  readonly client: CellEnd;
  readonly backend: CellEnd;
  /** The client leaves. */
  hangUp(): void;
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
export function openCell(front: Version, back: Version, spec: PlanSpec = {}): Cell {
  const address = back === "h1" ? "10.0.0.1:80" : "h2://10.0.0.1:80";
  const gateway = new MemoryGateway({ services: { app: [address] }, ...spec });
  const sessions = back === "h2" ? h2Backends(gateway, { connect: true }) : [];
  const { client, opened, hangUp } = front === "h1" ? askH1(gateway) : askH2(gateway);
  const backend = back === "h1" ? agreeH1(gateway.backend()) : agreeH2(sessions[0]);
  opened();
  return { gateway, client, backend, hangUp };
}

interface Asking {
  readonly client: CellEnd;
  /** The backend has agreed: the client must have been told. */
  opened(): void;
  hangUp(): void;
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
