/** The part of the contract of datagram sockets about link-local peers, whose addresses need a scope (RFC 4007). */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressOf,
  BOUND,
  BUFFER_BYTES,
  closePair,
  linkLocal,
  pathTo,
  stage,
  UdpPeer,
  UdpRecorder,
  type UdpTraits,
} from "./udp-peers.contract.ts";

export function testScopes({ name, make, native }: UdpTraits): void {
  const near = linkLocal();
  const skip = near === null ? "no interface of this machine has a link-local address" : false;
  test(
    `${name}: a link-local peer is known by its scope, and answered there`,
    { ...BOUND, skip },
    async (context) => {
      assert.ok(near !== null);
      const { host, scope } = near;
      const [address = ""] = host.split("%");
      const socket = await make().bind({ host: "::", port: 0, reusePort: false, bufferBytes: BUFFER_BYTES });
      const own = new UdpRecorder();
      socket.receive(own);
      const peer = await UdpPeer.open(host);
      context.after(() => closePair({ socket, peer }));
      peer.say("near", socket.local.port, host);
      await own.until("the datagram", () => own.arrivals.length === 1);
      const [arrival] = own.arrivals;
      assert.deepEqual([arrival?.remote, arrival?.scope], [address, scope]);
      const path = pathTo(address, peer.port);
      const local = native ? addressOf(address, 0) : path.local;
      assert.ok(stage(socket, { local, remote: { ...path.remote, scope } }, "answer"));
      socket.flush();
      await peer.until("the answer", () => peer.received.length === 1);
      assert.equal(peer.received[0]?.toString(), "answer");
      assert.equal(peer.senders[0], `${host} ${socket.local.port}`);
      peer.say("again", socket.local.port, host);
      await own.until("more", () => own.arrivals.length === 2);
      assert.equal(own.arrivals[1]?.scope, scope);
    },
  );
}
