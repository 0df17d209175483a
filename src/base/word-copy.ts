/**
 * Copies of a field section's size, from one memory to another, by words. The call that copies any
 * number of octets costs as much as a hundred of them here: it goes out to the runtime, which asks both
 * sides for their buffers first. Used where the heads of messages are copied.
 *
 * The words have 32 bits: one of 64 would be a double, which may not keep the bits of every octet.
 */

/** What one step of the loop copies: with one word in each, half of the time would go to the loop. */
const STEP_BYTES = 16;

/** From so many octets on, the call is cheaper. */
const MAX_STEPPED_BYTES = 160;

/** Whether `copyStepped` can copy so many octets, and is the cheaper way. */
export function isStepped(length: number): boolean {
  return length >= STEP_BYTES && length <= MAX_STEPPED_BYTES;
}

/** Copies `source[start, end)`, which `isStepped`, and nothing else. */
export function copyStepped(
  target: DataView,
  offset: number,
  source: DataView,
  start: number,
  end: number,
): void {
  const last = end - STEP_BYTES;
  const shift = offset - start;
  for (let at = start; at < last; at += STEP_BYTES) copyStep(target, at + shift, source, at);
  // The last step may overlap the one before, so that nothing is left to be copied by the octet.
  copyStep(target, last + shift, source, last);
}

function copyStep(target: DataView, to: number, source: DataView, from: number): void {
  target.setInt32(to, source.getInt32(from, true), true);
  target.setInt32(to + 4, source.getInt32(from + 4, true), true);
  target.setInt32(to + 8, source.getInt32(from + 8, true), true);
  target.setInt32(to + 12, source.getInt32(from + 12, true), true);
}
