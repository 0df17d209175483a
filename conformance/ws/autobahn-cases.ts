/** The cases of the Autobahn test suite as data: what the tester does, and what it must see. */
import { readFileSync } from "node:fs";

/** Octets as hexadecimal digits, repeated up to a length where one is given. */
export interface PayloadSpec {
  readonly payload_hex: string;
  readonly payload_repeat_to?: number;
}

export interface FrameAction extends PayloadSpec {
  readonly op: "frame";
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  /** Sent in pieces of so many octets. */
  readonly chop?: number;
}

export type Action =
  | FrameAction
  | ({ readonly op: "message"; readonly binary: boolean; readonly fragment: number | null } & PayloadSpec)
  | { readonly op: "begin_message"; readonly opcode: number }
  | { readonly op: "begin_frame"; readonly length: number }
  | ({ readonly op: "frame_data" } & PayloadSpec)
  | { readonly op: "end_message" }
  | { readonly op: "close" | "closeframe"; readonly code: number | null; readonly reason_hex: string | null }
  | { readonly op: "wait_s"; readonly t: number; readonly tag: string | null }
  | { readonly op: "close_after_s" | "kill_after_s"; readonly t: number };

export type ExpectedPayload = string | { readonly repeat_hex: string; readonly len: number };
export type ExpectedEvent =
  | readonly ["message", ExpectedPayload, boolean]
  | readonly ["ping" | "pong" | "timeout", string];

/** Frames that the tester sends, and the events and the end that must follow. */
export interface FrameCase {
  readonly kind: "frames";
  readonly id: string;
  readonly actions: readonly Action[];
  /** Alternatives; those that are less strict are allowed, too. */
  readonly expected: readonly (readonly ExpectedEvent[])[];
  readonly close: {
    readonly closedByMe: boolean;
    readonly closeCode: readonly number[];
    readonly requireClean: boolean;
  };
  /** The tester does not begin the closing handshake when it has seen what it expects. */
  readonly suppressClose: boolean;
  /** Any events will do. */
  readonly informational: boolean;
}

/** Compressed messages that must come back as they are. */
export interface DeflateCase {
  readonly kind: "deflate";
  readonly id: string;
  readonly messageBytes: number;
  readonly count: number;
  /** 0: messages are not fragmented. */
  readonly fragmentBytes: number;
  /** The name of the file that the payloads are taken from, which says what kind of data they are. */
  readonly data: string;
  readonly offers: readonly {
    readonly requestNoContextTakeover: boolean;
    readonly requestMaxWindowBits: number;
  }[];
}

export type AutobahnCase = FrameCase | DeflateCase;

/** Cases of performance: how fast large messages are, which is a matter of benchmarks. */
const PERFORMANCE = "9.";

interface RawCase {
  readonly id: string;
  readonly actions?: readonly Action[];
  readonly expected?: Readonly<Record<string, readonly ExpectedEvent[]>>;
  readonly expectedClose?: FrameCase["close"];
  readonly suppressClose?: boolean;
  readonly informational?: boolean;
  readonly params?: {
    readonly LEN: string;
    readonly COUNT: string;
    readonly AUTOFRAGSIZE: string;
    readonly data: string;
    readonly client_offers: DeflateCase["offers"];
  };
}

/** All cases but those of performance, in the order of the file. */
export function loadCases(file: URL): AutobahnCase[] {
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as { readonly cases: readonly RawCase[] };
  return cases.filter(({ id }) => !id.startsWith(PERFORMANCE)).map(readCase);
}

function readCase(raw: RawCase): AutobahnCase {
  if (raw.params !== undefined) {
    const { LEN, COUNT, AUTOFRAGSIZE, data, client_offers: offers } = raw.params;
    const numbers = { messageBytes: Number(LEN), count: Number(COUNT), fragmentBytes: Number(AUTOFRAGSIZE) };
    return { kind: "deflate", id: raw.id, ...numbers, data, offers };
  }
  const { actions, expected, expectedClose: close } = raw;
  if (actions === undefined || expected === undefined || close === undefined)
    throw new Error(`case ${raw.id} is of no kind that is known`);
  return {
    kind: "frames",
    id: raw.id,
    actions,
    expected: Object.values(expected),
    close,
    suppressClose: raw.suppressClose ?? false,
    informational: raw.informational ?? false,
  };
}

export function payloadOf({ payload_hex: hex, payload_repeat_to: length }: PayloadSpec): Buffer {
  return repeated(hex, length);
}

export function expectedHex(payload: ExpectedPayload): string {
  return typeof payload === "string" ? payload : repeated(payload.repeat_hex, payload.len).toString("hex");
}

function repeated(hex: string, length: number | undefined): Buffer {
  const unit = Buffer.from(hex, "hex");
  if (length === undefined) return unit;
  return unit.length === 0 ? unit : Buffer.alloc(length, unit);
}
