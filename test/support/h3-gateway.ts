/** A gateway with an HTTP/3 listener, and clients for it: what most tests of HTTP/3 end to end begin with. */
import { freePort } from "./addresses.ts";
import { Gateway, type GatewayOptions, type CleanupScope } from "./gateway.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import type { H3User } from "./h3-user.ts";
import { type DialOptions, QuicUsers } from "./quic-users.ts";
import { type BackendOptions, RecordingBackend } from "./recording-backend.ts";
import { SecureSite } from "./secure-listener.ts";

type Block = Readonly<Record<string, unknown>>;

export interface H3GatewayOptions {
  readonly backend?: BackendOptions;
  /** In place of the recording backend. */
  readonly backends?: readonly (string | Block)[];
  /** Keys of `[listeners.quic]`. */
  readonly quic?: Block;
  /** Other keys of the listener. */
  readonly listener?: Block;
  /** Listeners beside it. */
  readonly listeners?: readonly Block[];
  readonly config?: Omit<Partial<GatewayConfig>, "listeners">;
  readonly gateway?: GatewayOptions;
  readonly site?: SecureSite;
  readonly port?: number;
}

export interface H3Gateway {
  readonly gateway: Gateway;
  readonly backend: RecordingBackend;
  readonly site: SecureSite;
  readonly port: number;
  readonly config: GatewayConfig;
  readonly users: QuicUsers;
  connect(options?: DialOptions): Promise<H3User>;
  /** From a port of its own, so that it may come to another worker than others. */
  newcomer(options?: DialOptions): Promise<H3User>;
}

export async function startH3(scope: CleanupScope, options: H3GatewayOptions = {}): Promise<H3Gateway> {
  const backend = await RecordingBackend.start(options.backend);
  scope.after(() => backend.stop());
  const site = options.site ?? new SecureSite(scope);
  const port = options.port ?? (await freePort());
  const backends = options.backends ?? [backend.address];
  const config: GatewayConfig = {
    ...options.config,
    listeners: [
      site.quicListener(port, backends, options.quic, options.listener),
      ...(options.listeners ?? []),
    ],
  };
  const gateway = await Gateway.start(scope, config, options.gateway);
  const { rootPem } = site.authority;
  const users = await QuicUsers.open(scope, rootPem);
  const newcomer = async (dial?: DialOptions): Promise<H3User> =>
    await (await QuicUsers.open(scope, rootPem)).h3(port, dial);
  return { gateway, backend, site, port, config, users, connect: (dial) => users.h3(port, dial), newcomer };
}
