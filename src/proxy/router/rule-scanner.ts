/**
 * Splits the text of a rule into tokens with their places. The parser pulls one token at a time, so
 * an error is reported where reading stopped.
 */

export type Token =
  | { readonly kind: "name"; readonly offset: number; readonly text: string }
  /** A quoted argument: the decoded value; `start` is where its content begins. */
  | { readonly kind: "string"; readonly offset: number; readonly start: number; readonly value: string }
  | { readonly kind: "symbol"; readonly offset: number; readonly text: "(" | ")" | "," | "!" | "&&" | "||" }
  | { readonly kind: "end"; readonly offset: number }
  | { readonly kind: "bad"; readonly offset: number; readonly error: string; readonly hint?: string };

const BLANKS = " \t\r\n";
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ['"', '"'],
  ["t", "\t"],
  ["n", "\n"],
  ["r", "\r"],
]);

export class RuleScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    const text = this.#text;
    while (this.#at < text.length && BLANKS.includes(text.charAt(this.#at))) this.#at++;
    const offset = this.#at;
    if (offset === text.length) return { kind: "end", offset };
    const character = text.charAt(offset);
    if (isNameCharacter(character)) return this.#name(offset);
    if (character === "`") return this.#backticked(offset);
    if (character === '"') return this.#doubleQuoted(offset);
    return this.#symbol(offset, character);
  }

  #name(offset: number): Token {
    while (this.#at < this.#text.length && isNameCharacter(this.#text.charAt(this.#at))) this.#at++;
    return { kind: "name", offset, text: this.#text.slice(offset, this.#at) };
  }

  #backticked(offset: number): Token {
    const close = this.#text.indexOf("`", offset + 1);
    if (close === -1)
      return { kind: "bad", offset, error: "the argument that begins here has no closing backtick" };
    this.#at = close + 1;
    return { kind: "string", offset, start: offset + 1, value: this.#text.slice(offset + 1, close) };
  }

  #doubleQuoted(offset: number): Token {
    let value = "";
    let i = offset + 1;
    while (i < this.#text.length && this.#text.charAt(i) !== '"') {
      const character = this.#text.charAt(i);
      if (character === "\\") {
        const decoded = ESCAPES.get(this.#text.charAt(i + 1));
        if (decoded === undefined) return badEscape(i, this.#text.charAt(i + 1));
        value += decoded;
        i += 2;
      } else {
        value += character;
        i++;
      }
    }
    if (i >= this.#text.length)
      return { kind: "bad", offset, error: "the argument that begins here has no closing quote" };
    this.#at = i + 1;
    return { kind: "string", offset, start: offset + 1, value };
  }

  #symbol(offset: number, character: string): Token {
    const pair = this.#text.slice(offset, offset + 2);
    if (pair === "&&" || pair === "||") {
      this.#at += 2;
      return { kind: "symbol", offset, text: pair };
    }
    if (character === "(" || character === ")" || character === "," || character === "!") {
      this.#at++;
      return { kind: "symbol", offset, text: character };
    }
    if (character === "&" || character === "|") {
      return {
        kind: "bad",
        offset,
        error: `unexpected ${character}`,
        hint: `write ${character}${character}`,
      };
    }
    if (character === "'")
      return {
        kind: "bad",
        offset,
        error: "unexpected '",
        hint: "arguments stand in backticks or double quotes",
      };
    return { kind: "bad", offset, error: `unexpected ${JSON.stringify(character)}` };
  }
}

function badEscape(offset: number, character: string): Token {
  const hint = 'in double quotes only \\\\ \\" \\t \\n \\r are escapes; backticks take everything literally';
  return { kind: "bad", offset, error: `unknown escape \\${character}`, hint };
}

function isNameCharacter(character: string): boolean {
  return /^[A-Za-z0-9_]$/.test(character);
}

/** Where in the rule the character at `index` of an argument's value was written; escapes take two characters. */
export function sourceOffset(text: string, token: Token & { kind: "string" }, index: number): number {
  const escaped = text.charAt(token.offset) === '"';
  let at = token.start;
  for (let i = 0; i < index; i++) at += escaped && text.charAt(at) === "\\" ? 2 : 1;
  return at;
}
