/**
 * The order in which responses are sent (RFC 9218), which QUIC keeps. As long as no client has said anything
 * about it all streams are alike, and QUIC is told nothing. From the first word on it is told of every
 * stream, as what it takes for a stream it was not told of is not the default of the RFC.
 *
 * One per connection, of a server.
 */
import type { Fields } from "../http/fields.ts";
import { EarlyPriorities } from "../multiplexed/early-priorities.ts";
import { PriorityField } from "../multiplexed/priority-field.ts";
import { mergedPriority } from "../multiplexed/response-priority.ts";
import type { H3Sink } from "./h3-sink.ts";
import type { H3Stream } from "./h3-stream.ts";

export class StreamPriorities {
  readonly #sink: H3Sink;
  readonly #streams: ReadonlyMap<number, H3Stream>;
  readonly #field: PriorityField = new PriorityField();
  #early: EarlyPriorities | null = null;
  #inUse = false;

  constructor(sink: H3Sink, streams: ReadonlyMap<number, H3Stream>) {
    this.#sink = sink;
    this.#streams = streams;
  }

  /** A request has come; `field` is its Priority field, `null`: it has none. What PRIORITY_UPDATE said before overrides it. */
  begin(stream: H3Stream, field: PriorityField | null): void {
    if (this.#early?.read(stream.id, this.#field) === true) {
      this.#early.forget(stream.id);
      this.#set(stream, this.#field);
    } else if (field !== null) {
      this.#set(stream, field);
    } else if (this.#inUse) {
      this.#tell(stream);
    }
  }

  /** PRIORITY_UPDATE; `stream` is `null` when it is not open yet. At most `maxEarly` are kept of those, others are forgotten. */
  update(id: number, stream: H3Stream | null, value: Buffer, maxEarly: number): void {
    this.#field.read(value, 0, value.length);
    if (stream !== null) return this.#set(stream, this.#field);
    this.#early ??= new EarlyPriorities();
    if (this.#early.count < maxEarly) this.#early.keep(id, this.#field);
  }

  /** What a backend says of its response counts, too (RFC 9218 section 8). */
  merge(stream: H3Stream, fields: Fields): void {
    const merged = mergedPriority(fields, stream.urgency, stream.incremental);
    if (merged !== null) this.#set(stream, merged);
  }

  #set(stream: H3Stream, { urgency, incremental }: PriorityField): void {
    stream.urgency = urgency;
    stream.incremental = incremental;
    if (this.#inUse) return this.#tell(stream);
    this.#inUse = true;
    for (const other of this.#streams.values()) this.#tell(other);
  }

  #tell(stream: H3Stream): void {
    this.#sink.prioritise(stream.id, stream.urgency, stream.incremental);
  }
}
