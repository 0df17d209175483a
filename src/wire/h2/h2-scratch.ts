/** Memory that is empty between two calls of a connection's methods: all connections of a worker share one. */
import { HpackScratch } from "../hpack/scratch.ts";
import { CookieCrumbs } from "./head/cookie-crumbs.ts";

export class H2Scratch {
  readonly hpack: HpackScratch = new HpackScratch();
  readonly crumbs: CookieCrumbs = new CookieCrumbs();
}
