/** The part of the TLS contract about what lies between the peers: connections that are cut, changed, or come in crumbs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import {
  alone,
  assertTlsError,
  dial,
  ForeignServer,
  handshakeOf,
  IPV4,
  reach,
  serve,
  type TlsPair,
  type TlsTraits,
} from "./tls-peers.contract.ts";
import type { Transport } from "./transport.ts";
import { pattern } from "./transport-peers.contract.ts";

export function testCuts(traits: TlsTraits): void {
  const it = alone(traits);
  for (const [side, open] of Object.entries(CUT_SIDES)) {
    it(`${side} connection: an end without close_notify is an error, behind what came before`, async (transport, context) => {
      const { own, peer, cut } = await open(transport, context);
      peer.socket.write("nearly everything");
      await own.until("bytes", () => own.text === "nearly everything");
      cut.fin();
      await own.until("the close", () => own.closed !== null);
      assertTlsError(own, /eof/);
    });

    it(`${side} connection: so is one in the middle of a record`, async (transport, context) => {
      const { own, peer, cut } = await open(transport, context);
      cut.passBytes(30_000);
      peer.socket.write(pattern(100_000));
      await cut.finished;
      await own.until("the close", () => own.closed !== null);
      assertTlsError(own, /eof/);
      assert.ok(own.receivedBytes < 30_000);
      assert.ok(Buffer.concat(own.received).equals(pattern(100_000).subarray(0, own.receivedBytes)));
    });

    it(`${side} connection: a paused owner hears everything first, then the error`, async (transport, context) => {
      const { own, peer, cut } = await open(transport, context);
      transport.pause(own.connection);
      peer.socket.write("nearly everything");
      await cut.passed(17);
      cut.fin();
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(own.closed, null);
      transport.resume(own.connection);
      await own.until("the close", () => own.closed !== null);
      assert.equal(own.text, "nearly everything");
      assertTlsError(own, /eof/);
    });

    it(`${side} connection: a paused owner hears everything first, then the orderly end`, async (transport, context) => {
      const { own, peer } = await open(transport, context);
      transport.pause(own.connection);
      peer.socket.end("everything");
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(!own.has("end"));
      transport.resume(own.connection);
      await own.until("the end", () => own.has("end"));
      assert.equal(own.text, "everything");
      transport.end(own.connection);
      await own.until("the close", () => own.closed !== null);
      assert.equal(own.closed, "");
    });

    it(`${side} connection: RST is told by its errno`, async (transport, context) => {
      const { own, cut } = await open(transport, context);
      cut.reset();
      await own.until("the close", () => own.closed !== null);
      assert.equal(own.closed, "ECONNRESET");
      assert.ok(!own.has("end"));
    });

    it(`${side} connection: a changed octet ends it`, async (transport, context) => {
      const { own, peer, cut } = await open(transport, context);
      cut.corrupt();
      peer.socket.write("the amount is 100");
      await own.until("the close", () => own.closed !== null);
      assertTlsError(own, /bad record mac|decryption failed/);
      assert.equal(own.text, "");
    });

    it(`${side} connection: octets may come one by one`, async (transport, context) => {
      const { own, peer, cut } = await open(transport, context);
      cut.oneByOne();
      peer.socket.end("drop by drop");
      await own.until("the end", () => own.has("end"));
      assert.equal(own.text, "drop by drop");
    });
  }

  it("a whole handshake may come octet by octet", async (transport, context) => {
    const served = await serve(transport);
    const cut = new Cut(context);
    cut.oneByOne();
    const peer = dial(await cut.listen(served.port));
    await served.acceptor.until("the connection", () => served.acceptor.recorders.length === 1);
    await handshakeOf(served.last());
    assert.equal(served.last().closed, null);
    peer.socket.destroy();
  });
}

interface CutPair extends TlsPair {
  readonly cut: Cut;
}

type OpenCut = (transport: Transport, context: TestContext) => Promise<CutPair>;

/** As the pairs of the other tests, with a `Cut` between peer and transport. */
const CUT_SIDES: Readonly<Record<string, OpenCut>> = {
  accepted: async (transport, context) => {
    const served = await serve(transport);
    const cut = new Cut(context);
    const peer = dial(await cut.listen(served.port));
    await served.acceptor.until("the connection", () => served.acceptor.recorders.length === 1);
    const own = served.last();
    await handshakeOf(own);
    await peer.settled();
    context.after(() => peer.socket.destroy());
    return { own, peer, cut };
  },
  connected: async (transport, context) => {
    const server = await ForeignServer.start(context);
    const cut = new Cut(context, true);
    const own = await reach(transport, await cut.listen(server.port));
    return { own, peer: await server.peer(), cut };
  },
};

/** A relay between a peer and the transport that harms what the peer sends. */
class Cut {
  readonly #context: TestContext;
  /** The peer is the server. */
  readonly #backwards: boolean;
  #target: Socket | null = null;
  #harm: (bytes: Buffer) => void;
  #passedBytes = 0;
  #onPassed: () => void = () => {};
  #onFinished: () => void = () => {};
  readonly finished = new Promise<void>((resolve) => {
    this.#onFinished = resolve;
  });

  constructor(context: TestContext, backwards = false) {
    this.#context = context;
    this.#backwards = backwards;
    this.#harm = (bytes) => this.#pass(bytes);
  }

  async listen(port: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      const far = connectTcp({ host: IPV4, port, allowHalfOpen: true, noDelay: true });
      const [source, target] = this.#backwards ? [far, near] : [near, far];
      this.#target = target;
      source.on("data", (bytes: Buffer) => this.#harm(bytes));
      source.on("end", () => target.end());
      target.on("data", (bytes: Buffer) => source.write(bytes));
      target.on("end", () => source.end());
      for (const socket of [near, far]) {
        socket.on("error", () => {});
        this.#context.after(() => socket.destroy());
      }
    });
    server.listen(0, IPV4);
    await once(server, "listening");
    this.#context.after(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  /** FIN to the transport, and nothing more from the peer. */
  fin(): void {
    this.#harm = () => {};
    this.#target?.end();
    this.#onFinished();
  }

  /** RST to the transport. */
  reset(): void {
    this.#target?.resetAndDestroy();
  }

  /** So many octets from now on, then FIN. */
  passBytes(bytes: number): void {
    let left = bytes;
    this.#harm = (part) => {
      this.#pass(part.subarray(0, left));
      left -= part.length;
      if (left <= 0) this.fin();
    };
  }

  /** Until at least so many octets have been passed on from now on. */
  async passed(bytes: number): Promise<void> {
    const enough = this.#passedBytes + bytes;
    while (this.#passedBytes < enough) {
      await new Promise<void>((resolve) => {
        this.#onPassed = resolve;
      });
    }
  }

  /** Changes the last octet of whatever comes. */
  corrupt(): void {
    this.#harm = (bytes) => {
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
      this.#pass(bytes);
    };
  }

  oneByOne(): void {
    this.#harm = (bytes) => {
      for (const octet of bytes) this.#pass(Buffer.of(octet));
    };
  }

  #pass(bytes: Buffer): void {
    this.#target?.write(bytes);
    this.#passedBytes += bytes.length;
    this.#onPassed();
  }
}
