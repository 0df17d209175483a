/** The QUIC of one worker as its pools and relays use it, for connections to backends. Made by the data plane. */
import type { QuicClientContext, QuicClientSettings } from "../../fastpath/quic-engine.ts";
import type { UdpAddress } from "../../fastpath/udp.ts";
import type { QuicDial } from "./client-endpoint.ts";
import type { QuicConnection } from "./quic-connection.ts";
import type { QuicOwner } from "./quic-owner.ts";

/** What is said of a connection whose packets nobody answers, and whose peer's port refuses others too. */
export const PORT_CLOSED = "the backend's port is closed";

export interface QuicClients {
  /** Throws an `Error` in words: the engine refuses the settings, or there is none on this machine. */
  context(settings: QuicClientSettings): QuicClientContext;
  /** As `QuicClientEndpoint.connect`. The plan that needs it is compiled, and its sockets are open, before anybody calls. */
  connect(dial: QuicDial, owner: QuicOwner): QuicConnection | null;
  /** As `UdpRefusals.ask`: for a connection whose packets nobody answers. */
  askRefused(remote: UdpAddress, refused: () => void): void;
}
