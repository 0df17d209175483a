/**
 * What shall happen to one exchange of the chaos test. It follows from the seed and the exchange's
 * number alone, so that client and backend know it without a word to each other, a request that is sent
 * again meets the same fate, and a failure can be run again.
 */
import { Random } from "../../fuzz/random.ts";
import { MAX_BODY_BYTES } from "./pattern.ts";

/** `close`: until the end of the connection; responses only. */
export type Framing = "none" | "length" | "chunked" | "close";

/**
 * `finish`: keeps the connection. `leave`: FIN after the response. `half-close`: FIN after the request.
 * `truncate`: FIN inside the request. `reset-sending`, `reset-reading`: RST at some byte of it.
 */
export type ClientFate = "finish" | "leave" | "half-close" | "truncate" | "reset-sending" | "reset-reading";

/**
 * `answer`: keeps the connection. `early`: answers at the head already. `close`: FIN after a response
 * that announces it. `silent-close`: without a word. The others give no whole response: RST at the head,
 * RST after the request, RST or FIN inside the response.
 */
export type BackendFate =
  | "answer"
  | "early"
  | "close"
  | "silent-close"
  | "reset-at-head"
  | "reset-unanswered"
  | "reset-answering"
  | "fin-answering";

/** How one side moves bytes. */
export interface Pace {
  /** Writes in this many pieces, with pauses; 0: all at once. */
  readonly writePieces: number;
  /** Stops reading so often, for a pause each; 0: never. */
  readonly readPauses: number;
}

export interface ExchangePlan {
  readonly id: number;
  readonly method: "GET" | "POST";
  readonly requestFraming: Framing;
  readonly requestBytes: number;
  readonly responseFraming: Framing;
  readonly responseBytes: number;
  readonly clientFate: ClientFate;
  readonly backendFate: BackendFate;
  readonly client: Pace;
  readonly backend: Pace;
  /** For what a side decides on the way: sizes of pieces and chunks, the byte at which its fate strikes. */
  readonly clientRandom: Random;
  readonly backendRandom: Random;
}

const MIB = 2 ** 20;

const FULL_SPEED: Pace = { writePieces: 0, readPauses: 0 };

/** Of 100 exchanges; the rest finishes. */
const CLIENT_FATES: readonly (readonly [ClientFate, number])[] = [
  ["leave", 6],
  ["half-close", 4],
  ["truncate", 3],
  ["reset-sending", 4],
  ["reset-reading", 4],
];

const BACKEND_FATES: readonly (readonly [BackendFate, number])[] = [
  ["early", 2],
  ["close", 5],
  ["silent-close", 2],
  ["reset-at-head", 2],
  ["reset-unanswered", 2],
  ["reset-answering", 3],
  ["fin-answering", 3],
];

/** `calm`: nobody is slow or goes away. */
export function planExchange(seed: number, id: number, calm = false): ExchangePlan {
  const random = new Random(Math.imul(seed, 0x85ebca6b) ^ Math.imul(id + 1, 0xc2b2ae35));
  // The first numbers of neighbouring seeds are related.
  random.below(2);
  const method = random.once(2) ? "GET" : "POST";
  const clientFate = calm ? "finish" : draw(random, CLIENT_FATES, "finish");
  const backendFate = calm ? "answer" : draw(random, BACKEND_FATES, "answer");
  const responseFraming = framingOfResponse(random, backendFate);
  return {
    id,
    method,
    clientFate,
    backendFate,
    requestFraming: method === "GET" ? "none" : random.pick<Framing>(["length", "chunked"]),
    requestBytes: method === "GET" ? 0 : Math.min(bodyBytes(random), longestRequest(backendFate)),
    responseFraming,
    responseBytes: bodyBytes(random),
    client: calm ? FULL_SPEED : pace(random),
    backend: calm ? FULL_SPEED : pace(random),
    clientRandom: new Random(random.below(2 ** 32)),
    backendRandom: new Random(random.below(2 ** 32)),
  };
}

/** Only a connection that ends can end a body, and FIN at the wrong place would look like that end. */
function framingOfResponse(random: Random, fate: BackendFate): Framing {
  const endable = fate === "close" || fate === "reset-answering";
  return random.pick<Framing>(endable ? ["length", "chunked", "close"] : ["length", "chunked"]);
}

/**
 * Who is answered early reads the answer only when the gateway goes on to take in what is still on the
 * way; it does so up to 256 KiB, and then cuts.
 */
function longestRequest(fate: BackendFate): number {
  return fate === "early" ? 128 * 1024 : MAX_BODY_BYTES;
}

/** A whole response of the backend is part of the plan. */
export function answersWhole({ backendFate }: ExchangePlan): boolean {
  switch (backendFate) {
    case "answer":
    case "early":
    case "close":
    case "silent-close":
      return true;
    case "reset-at-head":
    case "reset-unanswered":
    case "reset-answering":
    case "fin-answering":
      return false;
  }
}

/** The client sends all of its request and waits for the whole response. */
export function clientStays({ clientFate }: ExchangePlan): boolean {
  return clientFate === "finish" || clientFate === "leave" || clientFate === "half-close";
}

function draw<T>(random: Random, fates: readonly (readonly [T, number])[], otherwise: T): T {
  let left = random.below(100);
  for (const [fate, share] of fates) {
    if (left < share) return fate;
    left -= share;
  }
  return otherwise;
}

/** Most bodies are small, as on the wire; some fill every buffer on the way. */
function bodyBytes(random: Random): number {
  const kind = random.below(100);
  if (kind < 25) return 0;
  if (kind < 50) return random.below(200);
  if (kind < 82) return random.below(4 * 1024);
  if (kind < 97) return random.below(64 * 1024);
  return random.once(20) ? MAX_BODY_BYTES : random.below(MIB + 1);
}

function pace(random: Random): Pace {
  return {
    writePieces: random.once(12) ? 2 + random.below(6) : 0,
    readPauses: random.once(12) ? 1 + random.below(4) : 0,
  };
}
