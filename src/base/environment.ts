/**
 * Environment variables by name. A type of our own, because it stands in the signatures of the library:
 * programs that use it need not have the types of Node.js for that.
 */
export type Environment = Readonly<Record<string, string | undefined>>;
