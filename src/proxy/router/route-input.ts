/**
 * What rules look at in a request. The exchange fills one `RouteRequest` and uses it again for the
 * next request; nothing here is copied out of the head, and what few rules ask for (the query, the
 * path as a text of its own) is only read by those.
 */
import type { RequestHead } from "../../wire/http/message.ts";
import { routingHost } from "./routing-host.ts";

export interface RouteInput {
  /** In the form of `routingHost`; empty when the request names none. */
  readonly host: string;
  /** Path and query as in `RequestHead.path`, not decoded; or `*`. */
  readonly target: string;
  /** Where the path in `target` ends: the place of `?`, or the length. */
  readonly pathEnd: number;
  /** For the method and the fields. */
  readonly head: RequestHead;
  /** The client's address as far as trusted proxies tell. */
  readonly clientIp: string;
}

export class RouteRequest implements RouteInput {
  host = "";
  target = "";
  pathEnd = 0;
  head: RequestHead;
  clientIp = "";
  /** The authority that `host` was made from: on a connection it is the same for most requests. */
  #authority = "";

  constructor(head: RequestHead) {
    this.head = head;
  }

  /** Takes the request that `head` now holds. Call it anew when the head's authority or path changed. */
  set(head: RequestHead, clientIp: string): void {
    this.head = head;
    this.clientIp = clientIp;
    if (head.authority !== this.#authority) {
      this.#authority = head.authority;
      this.host = routingHost(head.authority);
    }
    this.target = head.path;
    const query = head.path.indexOf("?");
    this.pathEnd = query === -1 ? head.path.length : query;
  }
}
