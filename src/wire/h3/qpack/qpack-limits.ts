/** What bounds the field compression of one HTTP/3 connection. */
import { MAX_INTEGER_BYTES } from "../../field-codec/integer.ts";
import { NAME_LENGTHS } from "../../field-codec/own-names.ts";

/** What a decoder announces and takes. Feature row A10.2 has no dynamic table and no blocked streams. */
export interface QpackDecoderLimits {
  /**
   * Our SETTINGS_MAX_FIELD_SECTION_SIZE: names, values, and 32 octets for each field; of a head and of a
   * trailer section alike (feature row A20.7).
   */
  readonly maxFieldSectionBytes: number;
  /** Fields of a section, each crumb of a cookie and each pseudo-header field included. */
  readonly maxFields: number;
  /** Our SETTINGS_QPACK_MAX_TABLE_CAPACITY, in octets of RFC 9204 section 3.2.1; 0: no dynamic table. */
  readonly maxTableBytes: number;
  /** Our SETTINGS_QPACK_BLOCKED_STREAMS. */
  readonly maxBlockedStreams: number;
}

/**
 * What the decoder has to tell the peer and QUIC does not take. A peer that reads its decoder stream has
 * it empty most of the time; one that does not and goes on sending is an attacker (feature row A20.7).
 */
export const MAX_FEEDBACK_BYTES = 16_384;

/**
 * Instructions of the encoder that QUIC has not taken. With more than that waiting nothing is inserted,
 * which costs compression and nothing else.
 */
export const MAX_WAITING_INSTRUCTION_BYTES = 8192;

/**
 * Sections of ours with references that the peer has not acknowledged. With so many on their way further
 * ones go without references: the work that each acknowledgment causes is bounded by it.
 */
export const MAX_OUTSTANDING_SECTIONS = 256;

/** Insertions of one encoder: no count of them takes more than an integer may (`integer.ts`). After so many the table stays as it is. */
export const MAX_INSERTIONS: number = 2 ** 27;

/** What a field takes beyond its octets when it is written: two lengths, an index, and a name that has an id. */
export const MAX_FIELD_OVERHEAD_BYTES: number = 3 * MAX_INTEGER_BYTES + Math.max(...NAME_LENGTHS);
