/** One listening address of a worker as the data plane keeps it: `ListenerSocket` over TCP, `QuicListener` over UDP. */
import type { Generation, ListenerRuntime } from "../generation.ts";
import type { ServingListener } from "./serving-listener.ts";

export interface WorkerListener extends ServingListener {
  /** The real one, also where port 0 was asked for. */
  readonly port: number;
  /** Connections of clients, those included that are ending. */
  readonly openConnections: number;
  /** The generation is live: clients are served from now on. */
  accept(): void;
  /** A generation that keeps the address: for what begins from now on. */
  adopt(generation: Generation, runtime: ListenerRuntime): void;
  /** Takes no more connections; those that there are end after what is under way. */
  drain(): Promise<void>;
  /** After `drain`: takes connections again, on the same socket. False: that is gone. */
  resume(): boolean;
  /** Cuts every connection; returns how many had something under way. */
  abort(): number;
  /** Lets the socket go. Connections must have ended, or been aborted. */
  close(): Promise<void>;
}
