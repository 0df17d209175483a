/** Bounds of a route's rule, so that no text from a configuration costs more than a person would spend on it. */

/** Characters of a rule: room for several hundred host names. */
export const MAX_RULE_CHARS = 16_384;

/** Nesting of parentheses and `!`: keeps the recursive parser's stack small; people stop reading at 4. */
export const MAX_RULE_DEPTH = 32;

/** Matchers in a rule, each argument of a list counted: what the compiled tree may hold for one route. */
export const MAX_RULE_MATCHERS = 1024;

/** Characters of a path or prefix; bounds the depth of the tree of paths. */
export const MAX_PATH_CHARS = 1024;

/** Characters of a regular expression. */
export const MAX_PATTERN_CHARS = 1024;

/**
 * Instructions of a compiled regular expression. Matching is linear in the input, but the worst
 * expressions cost time in proportion to this number for each character.
 */
export const MAX_PATTERN_INSTRUCTIONS = 512;

/** Memory that one regular expression may use for its cached automaton in one worker; it starts anew when it is full. */
export const PATTERN_CACHE_BYTES = 256 * 1024;

/** The same of all expressions of one listener's router: with very many, each has less. */
export const ROUTER_CACHE_BYTES = 32 * 1024 * 1024;

/** What is left to each of them: with less the automaton would never get through a path before it starts anew. */
export const MIN_PATTERN_CACHE_BYTES = 8 * 1024;

/** Alternatives that one rule may be multiplied out to; what is left is tested one by one. */
export const MAX_ALTERNATIVES = 1024;
