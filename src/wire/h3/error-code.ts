/** The error codes of HTTP/3, RFC 9114 section 8.1, RFC 9204 section 6, RFC 9297 section 5.2. */
export const H3Code = {
  datagramError: 0x33,
  noError: 0x100,
  generalProtocolError: 0x101,
  internalError: 0x102,
  streamCreationError: 0x103,
  closedCriticalStream: 0x104,
  frameUnexpected: 0x105,
  frameError: 0x106,
  excessiveLoad: 0x107,
  idError: 0x108,
  settingsError: 0x109,
  missingSettings: 0x10a,
  requestRejected: 0x10b,
  requestCancelled: 0x10c,
  requestIncomplete: 0x10d,
  messageError: 0x10e,
  connectError: 0x10f,
  versionFallback: 0x110,
  qpackDecompressionFailed: 0x200,
  qpackEncoderStreamError: 0x201,
  qpackDecoderStreamError: 0x202,
} as const;

/** A code that we send. What a peer sends may be any number of 62 bits. */
export type H3Code = (typeof H3Code)[keyof typeof H3Code];

const NAMES: ReadonlyMap<number, string> = new Map([
  [H3Code.datagramError, "H3_DATAGRAM_ERROR"],
  [H3Code.noError, "H3_NO_ERROR"],
  [H3Code.generalProtocolError, "H3_GENERAL_PROTOCOL_ERROR"],
  [H3Code.internalError, "H3_INTERNAL_ERROR"],
  [H3Code.streamCreationError, "H3_STREAM_CREATION_ERROR"],
  [H3Code.closedCriticalStream, "H3_CLOSED_CRITICAL_STREAM"],
  [H3Code.frameUnexpected, "H3_FRAME_UNEXPECTED"],
  [H3Code.frameError, "H3_FRAME_ERROR"],
  [H3Code.excessiveLoad, "H3_EXCESSIVE_LOAD"],
  [H3Code.idError, "H3_ID_ERROR"],
  [H3Code.settingsError, "H3_SETTINGS_ERROR"],
  [H3Code.missingSettings, "H3_MISSING_SETTINGS"],
  [H3Code.requestRejected, "H3_REQUEST_REJECTED"],
  [H3Code.requestCancelled, "H3_REQUEST_CANCELLED"],
  [H3Code.requestIncomplete, "H3_REQUEST_INCOMPLETE"],
  [H3Code.messageError, "H3_MESSAGE_ERROR"],
  [H3Code.connectError, "H3_CONNECT_ERROR"],
  [H3Code.versionFallback, "H3_VERSION_FALLBACK"],
  [H3Code.qpackDecompressionFailed, "QPACK_DECOMPRESSION_FAILED"],
  [H3Code.qpackEncoderStreamError, "QPACK_ENCODER_STREAM_ERROR"],
  [H3Code.qpackDecoderStreamError, "QPACK_DECODER_STREAM_ERROR"],
]);

/** For log lines; a code that is not registered in hexadecimal. */
export function h3CodeName(code: number): string {
  return NAMES.get(code) ?? `0x${code.toString(16)}`;
}
