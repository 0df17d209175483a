/**
 * The forwarding fields for a client that sent none itself, encoded once and copied for each
 * further request that would get the same: same peer, host, scheme and version.
 */
import { FIELD_NAMES } from "../../wire/http/field-id.ts";
import { Fields } from "../../wire/http/fields.ts";
import type { HttpVersion } from "../../wire/http/message.ts";
import type { Exchange } from "./exchange.ts";

export class OwnForwarding {
  #peerIp = "";
  #authority = "";
  #secure = false;
  #version: HttpVersion | -1 = -1;
  readonly #lines = new Fields();

  matches(exchange: Exchange): boolean {
    const { request } = exchange;
    return (
      this.#version === request.version &&
      this.#authority === request.authority &&
      this.#peerIp === exchange.peerIp &&
      this.#secure === exchange.secure
    );
  }

  remember(exchange: Exchange, lines: readonly (readonly [number, string])[]): void {
    this.#peerIp = exchange.peerIp;
    this.#authority = exchange.request.authority;
    this.#secure = exchange.secure;
    this.#version = exchange.request.version;
    this.#lines.clear();
    for (const [id, value] of lines) this.#lines.addNamed(FIELD_NAMES[id] as string, value, id);
  }

  appendTo(fields: Fields): void {
    const lines = this.#lines;
    const offset = fields.addLines(lines.bytes, 0, lines.length);
    for (let i = 0; i < lines.count; i++) {
      fields.addSpan(
        offset + lines.nameStart(i),
        offset + lines.nameEnd(i),
        offset + lines.valueEnd(i),
        lines.id(i),
      );
    }
  }
}
