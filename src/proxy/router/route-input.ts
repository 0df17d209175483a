/**
 * What rules look at in a request. The exchange fills one `RouteRequest` and uses it again for the
 * next request; nothing here is copied out of the head, and what few rules ask for (the query, the
 * path as a text of its own) is only read by those.
 */
import type { RequestHead } from "../../wire/http/message.ts";

export interface RouteInput {
  /** In the form of `routingHost`; empty when the request names none. */
  readonly host: string;
  /** Holds path and query in `[targetStart, targetEnd)`, not decoded; or `*`. */
  readonly bytes: Buffer;
  readonly targetStart: number;
  readonly targetEnd: number;
  /** Where the path ends: the place of `?`, or `targetEnd`. */
  readonly pathEnd: number;
  /** For the method and the fields. */
  readonly head: RequestHead;
  /** The client's address as far as trusted proxies tell. */
  readonly clientIp: string;
}

export class RouteRequest implements RouteInput {
  host = "";
  bytes: Buffer;
  targetStart = 0;
  targetEnd = 0;
  pathEnd = 0;
  head: RequestHead;
  clientIp = "";

  constructor(head: RequestHead) {
    this.head = head;
    this.bytes = head.fields.bytes;
  }

  /**
   * Takes the request that `head` now holds; `host` is the `routingHost` of its authority. Call it anew
   * when the head's authority, path or fields changed.
   */
  set(head: RequestHead, host: string, clientIp: string): void {
    this.head = head;
    this.host = host;
    this.clientIp = clientIp;
    this.bytes = head.fields.bytes;
    this.targetStart = head.targetStart;
    this.targetEnd = head.targetEnd;
    this.pathEnd = head.pathEnd;
  }
}
