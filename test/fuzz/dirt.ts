/** What no decoder may let into the parts of a message, whatever the version of HTTP and whatever its bytes were. */
import type { RequestRecord, ResponseRecord } from "../support/h1-transcript.ts";

/** In words; undefined when there is nothing. */
export function dirt(message: RequestRecord | ResponseRecord): string | undefined {
  for (const [name, value] of [...message.fields, ...message.trailers]) {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return `field name ${JSON.stringify(name)}`;
    if (/[^\t\x20-\x7e\x80-\xff]|^[\t ]|[\t ]$/.test(value)) return `field value ${JSON.stringify(value)}`;
  }
  if (!("method" in message)) return undefined;
  const { method, path, authority } = message;
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/.test(method)) return `method ${JSON.stringify(method)}`;
  if (!/^(?:\*|\/[!"$-~]*)$/.test(path)) return `path ${JSON.stringify(path)}`;
  return /^[!$&'()*+\-.0-9:;=A-Z[\]_a-z~]*$/.test(authority)
    ? undefined
    : `authority ${JSON.stringify(authority)}`;
}
