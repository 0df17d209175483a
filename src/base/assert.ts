/**
 * Assertions for our own mistakes, never for a peer's: what comes from the wire gets a `Fault`.
 * A failed assertion ends the worker; the control plane replaces it and counts it.
 */
export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** The end of an exhaustive `switch`: the compiler proves that it is not reached. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${JSON.stringify(value)}`);
}
