/** Plays one case against the gateway: its steps on one connection, and what came of each. */
import type { ProbeCase } from "./gateway-cases.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import type { RecordedRequest, RecordingBackend } from "../../test/support/recording-backend.ts";
import { fieldValue, statusOf, type Http1Message } from "../../test/support/strict-http1.ts";
import { pause } from "../../test/support/wait-for.ts";

/** What was seen of one case, at the client and at the origin. */
export interface Observation {
  /** Final responses, by step. */
  readonly answers: readonly (readonly Http1Message[])[];
  /** Interim (1xx) responses in all. */
  readonly interim: readonly Http1Message[];
  /** The gateway closed the connection. */
  readonly closed: boolean;
  /** Bytes that are no response, or a broken one. */
  readonly garbage: string;
  /** Whole requests that the origin got. */
  readonly forwarded: readonly RecordedRequest[];
  /** What the strict parser found wrong with them. */
  readonly violations: readonly string[];
}

/** The gateway of the run gives up on a stalled request after 1 s; twice that is silence. */
const SILENCE_MS = 2500;
/** After a whole answer: long enough for a second one to show up. */
const QUIET_MS = 40;

/** Plays the case; the origin must be used by nobody else meanwhile. */
export async function play(
  testCase: ProbeCase,
  port: number,
  origin: RecordingBackend,
): Promise<Observation> {
  const requestsBefore = origin.requests.length;
  const violationsBefore = origin.violations.length;
  const client = await RawClient.connect(port);
  const player = new Player(client);
  const firstAnswers: Http1Message[] = [];
  for (const step of testCase.steps) {
    if (client.ending !== "open") break;
    const bytes = step(firstAnswers);
    await player.step(bytes);
    const first = player.answers.at(-1)?.[0];
    if (first !== undefined) firstAnswers.push(first);
  }
  await player.finish();
  client.destroy();
  return {
    answers: player.answers,
    interim: player.interim,
    closed: player.closed,
    garbage: player.garbage,
    forwarded: origin.requests.slice(requestsBefore),
    violations: origin.violations.slice(violationsBefore),
  };
}

class Player {
  readonly answers: Http1Message[][] = [];
  readonly interim: Http1Message[] = [];
  closed = false;
  garbage = "";
  readonly #client: RawClient;

  constructor(client: RawClient) {
    this.#client = client;
  }

  /** Sends the bytes of a step, and reads until its first final answer, the close, or silence. */
  async step(bytes: Buffer): Promise<void> {
    const answers: Http1Message[] = [];
    this.answers.push(answers);
    this.#client.send(bytes);
    const method = /^(?:\r\n)*HEAD /.test(bytes.subarray(0, 16).toString("latin1")) ? "HEAD" : "GET";
    await this.#read(answers, method, SILENCE_MS);
  }

  /** Reads what is still to come: further answers, the close. */
  async finish(): Promise<void> {
    const answers = this.answers.at(-1);
    const last = answers?.at(-1);
    if (answers === undefined || last === undefined) {
      this.closed = this.#client.ending !== "open";
      return;
    }
    const closing = fieldValue(last.fields, "connection")?.toLowerCase() === "close" || statusOf(last) >= 400;
    if (!closing) await pause(QUIET_MS);
    else await this.#client.closed(SILENCE_MS).catch(() => "open");
    while (this.#client.unread !== "" && this.garbage === "") {
      if (!(await this.#read(answers, "GET", QUIET_MS))) break;
    }
    this.closed = this.#client.ending !== "open";
  }

  /** Reads responses up to the first final one; false when there was none. */
  async #read(answers: Http1Message[], method: string, timeoutMs: number): Promise<boolean> {
    for (;;) {
      const answer = await this.#client.readResponse({ method, timeoutMs }).catch(() => undefined);
      if (answer === undefined) {
        this.garbage += this.#client.unread;
        return false;
      }
      if (statusOf(answer) >= 200) return answers.push(answer) > 0;
      this.interim.push(answer);
    }
  }
}
