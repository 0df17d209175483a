/**
 * The backends of the plan. Called by `build-plan.ts`.
 *
 * A backend's key tells all that a connection depends on: protocol, address and, as a digest, every
 * setting of TLS and QUIC with the contents of its files. So no connection outlives the settings that it was made
 * with, and two services with different trust in one address never share a pool.
 */
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { assert } from "../../base/assert.ts";
import type { QuicTransportSettings } from "../../fastpath/quic-engine.ts";
import type { TlsClientSettings } from "../../fastpath/tls.ts";
import type { BackendPlan } from "../../proxy/plan.ts";
import type { BackendConfig, ListenerConfig } from "../config/gateway-config.ts";
import { backendSlots } from "../metrics/plan-slots.ts";
import type { PlanInput } from "./build-plan.ts";
import { HTTP3_ALPN } from "./listener-quic-plan.ts";
import { H3_BACKEND_TRANSPORT, listenerTransport } from "./quic-transport.ts";

type Protocol = BackendPlan["protocol"];

/** Digits of the digest in a key: 64 bits tell apart what one configuration holds. */
const DIGEST_DIGITS = 16;

interface Shared {
  readonly settings: TlsClientSettings;
  readonly digest: string;
}

export class BackendPlans {
  readonly #input: PlanInput;
  /** By what they are made of. Equal settings are one object: it crosses to the workers once. */
  readonly #shared = new Map<string, Shared>();

  constructor(input: PlanInput) {
    this.#input = input;
  }

  make(service: string, backends: readonly BackendConfig[]): BackendPlan[] {
    return backends.map((backend) => this.#backend(service, backend, H3_BACKEND_TRANSPORT));
  }

  /** A listener's own: those of a raw proxy have the transport settings of their listener. */
  ofListener(service: string, { backends, quic }: ListenerConfig): BackendPlan[] {
    const transport = quic?.raw_proxy === undefined ? H3_BACKEND_TRANSPORT : listenerTransport(quic);
    return backends.map((backend) => this.#backend(service, backend, transport));
  }

  #backend(service: string, backend: BackendConfig, transport: QuicTransportSettings): BackendPlan {
    const { address, host, port, weight } = backend;
    const protocol = planned(backend);
    const quic = protocol === "h3" || protocol === "quic" ? transport : null;
    const tls = backend.tls ? this.#tls(backend, protocol, quic) : null;
    return {
      key: tls === null ? `${protocol}://${address}` : `${SCHEMES[protocol]}://${address}#${tls.digest}`,
      address,
      host,
      port,
      protocol,
      tls: tls?.settings ?? null,
      quic,
      weight,
      metrics: backendSlots(this.#input.registry, service, address),
    };
  }

  #tls(backend: BackendConfig, protocol: Protocol, quic: QuicTransportSettings | null): Shared {
    const own = SETTINGS.map((key) => backend[key] ?? null);
    const parts = JSON.stringify([protocol, nameOf(backend), own, quic]);
    const known = this.#shared.get(parts);
    if (known !== undefined) return known;
    const settings = this.#settings(backend, protocol);
    const hash = createHash("sha256").update(JSON.stringify(quic === null ? settings : [settings, quic]));
    const made = { settings, digest: hash.digest("hex").slice(0, DIGEST_DIGITS) };
    this.#shared.set(parts, made);
    return made;
  }

  #settings(backend: BackendConfig, protocol: Protocol): TlsClientSettings {
    const { certificates, keyLogPath } = this.#input;
    const isQuic = protocol === "h3" || protocol === "quic";
    // The QUIC engine sends names without, as it must (RFC 6066 section 3), and verifies what it sends.
    const name = isQuic ? nameOf(backend).replace(/\.$/, "") : nameOf(backend);
    const cert = backend.tls_client_cert_path;
    const key = backend.tls_client_key_path;
    return {
      // RFC 9001 section 4.2.
      minVersion: isQuic ? "TLSv1.3" : "TLSv1.2",
      alpn: ALPN[protocol],
      caPem: backend.tls_ca_path === undefined ? "" : certificates.pem(backend.tls_ca_path),
      verifyPeer: backend.tls_verify_peer,
      serverName: backend.tls_server_name ?? (isIP(name) === 0 ? name : ""),
      verifyName: backend.tls_verify_peer ? name : "",
      identity:
        cert === undefined || key === undefined
          ? null
          : { certPem: certificates.pem(cert), keyPem: certificates.pem(key) },
      keyLogPath,
    };
  }
}

/** The keys that settings are made of, besides protocol and name. */
const SETTINGS = [
  "tls_ca_path",
  "tls_server_name",
  "tls_verify_peer",
  "tls_client_cert_path",
  "tls_client_key_path",
] as const;

/** What the certificate must be for: the path of a Unix socket is no name. */
function nameOf({ tls_verify_hostname: name, host, port }: BackendConfig): string {
  return name ?? (port === -1 ? "" : host);
}

/** Of a raw proxy none: each connection offers what its client has agreed on. */
const ALPN: Readonly<Record<Protocol, readonly string[]>> = {
  h1: ["http/1.1"],
  h2: ["h2"],
  auto: ["h2", "http/1.1"],
  tcp: [],
  h3: HTTP3_ALPN,
  quic: [],
};

/** With TLS, which is part of QUIC. */
const SCHEMES: Readonly<Record<Protocol, string>> = {
  h1: "h1+tls",
  h2: "h2+tls",
  auto: "auto+tls",
  tcp: "tcp+tls",
  h3: "h3",
  quic: "quic",
};

function planned({ protocol }: BackendConfig): Protocol {
  assert(protocol !== "udp", `backend protocol ${protocol} has no plan`);
  return protocol;
}
