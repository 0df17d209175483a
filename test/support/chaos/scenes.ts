/** What the chaos test plays on: which protocol both sides speak, with the clients and the backend for it. */
import { h1Listener } from "../gateway-config.ts";
import type { CleanupScope } from "../gateway.ts";
import type { GatewayConfig } from "../gateway-config.ts";
import { SecureSite } from "../secure-listener.ts";
import { ChaosBackend, type ChaosWorld } from "./chaos-backend.ts";
import { runUser } from "./chaos-client.ts";
import { type ChaosWires, TCP_WIRES, tlsWires } from "./chaos-wires.ts";
import { H2ChaosBackend } from "./h2-chaos-backend.ts";
import { runH2User } from "./h2-chaos-client.ts";

export interface ChaosUser {
  readonly world: ChaosWorld;
  readonly port: number;
  /** Number of the next exchange; -1: there is none. */
  next(): number;
}

interface RunningBackend {
  readonly address: string;
  readonly openConnections: number;
  /** In order, as a backend that has had enough. */
  endConnections(): void;
  stop(): Promise<void>;
}

export interface ChaosScene {
  /** At a time. */
  readonly users: number;
  startBackend(world: ChaosWorld): Promise<RunningBackend>;
  config(port: number, backendAddress: string): GatewayConfig;
  /** Runs until there is no exchange left. */
  runUser(user: ChaosUser): Promise<void>;
}

const USERS = 48;

/** Sessions with several exchanges each. */
const H2_USERS = 8;

const HTTP = { max_request_body_bytes: 0, max_response_body_bytes: 0 };

export function h1Scene(): ChaosScene {
  return {
    ...wiredScene(TCP_WIRES),
    config: (port, address) => ({ listeners: [h1Listener(port, [address], { http: HTTP })] }),
  };
}

export function tlsScene(scope: CleanupScope): ChaosScene {
  const site = new SecureSite(scope);
  return {
    ...wiredScene(tlsWires(site.identity)),
    config: secureConfig(site, "h1", {}),
  };
}

export function h2Scene(scope: CleanupScope): ChaosScene {
  const site = new SecureSite(scope);
  const wires = tlsWires(site.identity, ["h2"]);
  return {
    users: H2_USERS,
    startBackend: (world) => H2ChaosBackend.start(world, wires),
    runUser: (user) => runH2User({ ...user, wires }),
    // Many streams are meant to be reset here: that is no attack.
    config: secureConfig(site, "h2", {
      h2_security: { max_pending_accept_reset_streams: 100_000, max_local_error_reset_streams: 100_000 },
    }),
  };
}

function wiredScene(wires: ChaosWires): Omit<ChaosScene, "config"> {
  return {
    users: USERS,
    startBackend: (world) => ChaosBackend.start(world, wires),
    runUser: (user) => runUser({ ...user, wires }),
  };
}

function secureConfig(site: SecureSite, protocol: string, more: object): ChaosScene["config"] {
  return (port, address) => ({
    listeners: [
      site.listener(port, [{ address, protocol, tls: true, tls_verify_peer: false }], {
        http: HTTP,
        ...more,
      }),
    ],
    runtime: { max_keepalive_requests: 0 },
  });
}
