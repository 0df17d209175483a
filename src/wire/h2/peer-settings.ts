/**
 * What the peer has announced in SETTINGS (RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section
 * 2.1). Checks values and keeps them; what follows from a change is done by whoever called.
 */
import { H2Code } from "./error-code.ts";
import { MAX_FRAME_BYTES } from "./frame/frame-type.ts";
import { Setting } from "./frame/settings.ts";
import { INITIAL_WINDOW, MAX_WINDOW } from "./frame/window-update.ts";

const MAX_MAX_FRAME_SIZE = 16_777_215;
const DEFAULT_TABLE_BYTES = 4096;

export class PeerSettings {
  headerTableBytes = DEFAULT_TABLE_BYTES;
  maxConcurrentStreams = Infinity;
  initialWindowBytes = INITIAL_WINDOW;
  /** Advice only. */
  maxHeaderListBytes = Infinity;
  /** The peer, a server, takes extended CONNECT. */
  connectProtocol = false;
  /** What the last `set` found wrong. */
  errorText = "";

  /** Takes a setting over; an unknown one is ignored. Returns `noError`, or the code of the connection error. */
  set(id: number, value: number): H2Code {
    switch (id) {
      case Setting.headerTableSize:
        this.headerTableBytes = value;
        return H2Code.noError;
      case Setting.enablePush:
        return value > 1 ? this.#wrong("ENABLE_PUSH above 1") : H2Code.noError;
      case Setting.maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        return H2Code.noError;
      case Setting.initialWindowSize:
        return this.#setInitialWindow(value);
      case Setting.maxFrameSize:
        // We never send larger frames than everybody must take.
        return value < MAX_FRAME_BYTES || value > MAX_MAX_FRAME_SIZE
          ? this.#wrong("MAX_FRAME_SIZE out of range")
          : H2Code.noError;
      case Setting.maxHeaderListSize:
        this.maxHeaderListBytes = value;
        return H2Code.noError;
      case Setting.enableConnectProtocol:
        return this.#setConnectProtocol(value);
      case Setting.noRfc7540Priorities:
        return value > 1 ? this.#wrong("NO_RFC7540_PRIORITIES above 1") : H2Code.noError;
    }
    return H2Code.noError;
  }

  #setInitialWindow(value: number): H2Code {
    if (value > MAX_WINDOW) {
      this.errorText = "INITIAL_WINDOW_SIZE above 2^31 - 1";
      return H2Code.flowControlError;
    }
    this.initialWindowBytes = value;
    return H2Code.noError;
  }

  #setConnectProtocol(value: number): H2Code {
    if (value > 1) return this.#wrong("ENABLE_CONNECT_PROTOCOL above 1");
    if (value === 0 && this.connectProtocol) return this.#wrong("ENABLE_CONNECT_PROTOCOL taken back");
    this.connectProtocol = value === 1;
    return H2Code.noError;
  }

  #wrong(text: string): H2Code {
    this.errorText = text;
    return H2Code.protocolError;
  }
}
