/** Memory that is empty between two batches of a connection's calls: all connections of a worker share one. */
import { FieldScratch } from "../field-codec/field-scratch.ts";
import { CookieCrumbs } from "../multiplexed/head/cookie-crumbs.ts";
import { HeldWrite } from "./held-write.ts";

export class H3Scratch {
  readonly fields: FieldScratch = new FieldScratch();
  readonly crumbs: CookieCrumbs = new CookieCrumbs();
  readonly held: HeldWrite = new HeldWrite();
}
