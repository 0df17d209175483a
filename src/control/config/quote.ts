/** Values of the file in messages: quoted, and short enough to be read. */

const MAX_QUOTED_CHARS = 80;

export function quote(value: string): string {
  return `"${shorten(value)}"`;
}

export function shorten(value: string): string {
  return value.length > MAX_QUOTED_CHARS ? `${value.slice(0, MAX_QUOTED_CHARS)}...` : value;
}
