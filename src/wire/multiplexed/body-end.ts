/** At which octet of its body a message ends its stream, so that the end needs no frame of its own. Called by the codecs of HTTP/2 and HTTP/3 for each head that they write. */
import { HttpVersion, type RequestHead, type ResponseHead } from "../http/message.ts";

/**
 * HTTP/1 has no trailers behind a body of known length (RFC 9112 section 7.1.2), so its last octet can end the
 * stream; -1: it cannot, as trailers may follow, there is no body or its length is not known.
 */
export function endOf(head: RequestHead | ResponseHead): number {
  const isHttp1 = head.version === HttpVersion.http10 || head.version === HttpVersion.http11;
  return isHttp1 && head.bodyLength > 0 ? head.bodyLength : -1;
}
