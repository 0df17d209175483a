/**
 * What the peer has announced in SETTINGS (RFC 9114 section 7.2.4.1, RFC 9204 section 5, RFC 9220 section 5,
 * RFC 9297 section 2.1.1). Checks the payload and keeps the values; what follows from them is done by
 * whoever called.
 */
import { readVarintBefore, VARINT_INCOMPLETE, VARINT_TOO_LARGE, varintLength } from "../quic/varint.ts";
import { H3Code } from "./error-code.ts";
import { isHttp2Setting, Setting } from "./frame/settings.ts";

export class PeerSettings {
  /** The SETTINGS frame has come. */
  known = false;
  qpackTableBytes = 0;
  qpackBlockedStreams = 0;
  /** Advice only. */
  maxFieldSectionBytes = Infinity;
  /** The peer, a server, takes extended CONNECT. */
  connectProtocol = false;
  datagrams = false;
  /** What `read` found wrong. */
  errorText = "";

  /** Reads the payload in `bytes[start, end)`. Returns `noError`, or the code of the connection error. */
  read(bytes: Buffer, start: number, end: number): H3Code {
    this.known = true;
    const seen = new Set<number>();
    let pos = start;
    while (pos < end) {
      const id = readVarintBefore(bytes, pos, end);
      if (id === VARINT_INCOMPLETE) return this.#cut();
      pos += varintLength(bytes[pos] as number);
      const value = readVarintBefore(bytes, pos, end);
      if (value === VARINT_INCOMPLETE) return this.#cut();
      pos += varintLength(bytes[pos] as number);
      // Identifiers that no number holds mean nothing to us; two of them may be the same or not.
      if (id === VARINT_TOO_LARGE) continue;
      if (seen.has(id)) return this.#wrong("a setting twice");
      seen.add(id);
      const code = this.#set(id, value === VARINT_TOO_LARGE ? Number.MAX_SAFE_INTEGER : value);
      if (code !== H3Code.noError) return code;
    }
    return H3Code.noError;
  }

  #set(id: number, value: number): H3Code {
    switch (id) {
      case Setting.qpackMaxTableCapacity:
        this.qpackTableBytes = value;
        return H3Code.noError;
      case Setting.qpackBlockedStreams:
        this.qpackBlockedStreams = value;
        return H3Code.noError;
      case Setting.maxFieldSectionSize:
        this.maxFieldSectionBytes = value;
        return H3Code.noError;
      case Setting.enableConnectProtocol:
        this.connectProtocol = value === 1;
        return value > 1 ? this.#wrong("ENABLE_CONNECT_PROTOCOL above 1") : H3Code.noError;
      case Setting.h3Datagram:
        this.datagrams = value === 1;
        return value > 1 ? this.#wrong("H3_DATAGRAM above 1") : H3Code.noError;
    }
    return isHttp2Setting(id) ? this.#wrong("a setting of HTTP/2") : H3Code.noError;
  }

  #cut(): H3Code {
    this.errorText = "a setting is cut";
    return H3Code.frameError;
  }

  #wrong(text: string): H3Code {
    this.errorText = text;
    return H3Code.settingsError;
  }
}
