/** What a connection ID leads to in an endpoint: a connection, or a ClientHello that is not whole yet. */
import type { Arrival } from "./udp-paths.ts";

export interface Routed {
  /** A datagram for it. The bytes are valid during the call, and may be decrypted in place. */
  onDatagram(bytes: Buffer, start: number, end: number, arrival: Arrival): void;
}
