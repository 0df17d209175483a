/** Upper bounds of configuration keys that have no narrower one of their own. */

/** The longest delay of a Node.js timer: 2^31 - 1 ms, nearly 25 days. */
export const MAX_TIMER_MS = 2_147_483_647;
export const MAX_TIMER_S = 2_147_483;

/** 1 TiB: no body or message cap that is meant as a cap is larger. */
export const MAX_BYTES = 1_099_511_627_776;

export const MAX_U32 = 4_294_967_295;

/** Listeners of one gateway: each costs a socket in every worker. */
export const MAX_LISTENERS = 1024;

/** Certificates of one listener: each is parsed in every worker when a plan is taken over. */
export const MAX_CERTIFICATES = 1024;

/** Backends of one service: a worker keeps a pool for each. */
export const MAX_BACKENDS = 4096;

/** Routers, services, middlewares: what a generated file of a large cluster holds. */
export const MAX_NAMED = 16_384;
