/** Memory that is empty between two calls of a connection's methods: all connections of a worker share one. */
import { FieldScratch } from "../field-codec/field-scratch.ts";
import { CookieCrumbs } from "../multiplexed/head/cookie-crumbs.ts";

export class H2Scratch {
  readonly hpack: FieldScratch = new FieldScratch();
  readonly crumbs: CookieCrumbs = new CookieCrumbs();
}
