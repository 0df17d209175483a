/** ClientHellos made by hand (RFC 8446 section 4.1.2), right ones and others. */

export interface HelloParts {
  readonly sessionId?: Buffer;
  readonly ciphers?: Buffer;
  readonly compression?: Buffer;
  /** Type and content, in order; `null`: not even an empty list. */
  readonly extensions?: readonly (readonly [type: number, content: Buffer])[] | null;
}

/** The handshake message. */
export function clientHello(parts: HelloParts): Buffer {
  const { extensions = [] } = parts;
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 0x5a),
    vector(1, parts.sessionId ?? Buffer.alloc(0)),
    vector(2, parts.ciphers ?? Buffer.from([0x13, 0x01, 0x1a, 0x1a])),
    vector(1, parts.compression ?? Buffer.from([0])),
    extensions === null
      ? Buffer.alloc(0)
      : vector(2, Buffer.concat(extensions.map(([type, content]) => extension(type, content)))),
  ]);
  return Buffer.concat([Buffer.from([1]), vector(3, body)]);
}

/** A hello with a name and protocols, grown to about `bytes` by an extension that nobody knows. */
export function helloFor(serverName: string, protocols: readonly string[], bytes = 0): Buffer {
  return clientHello({
    extensions: [
      [0x2a2a, Buffer.alloc(bytes, 0x77)],
      [0, nameList([[0, serverName]])],
      [16, protocolList(protocols)],
    ],
  });
}

export function nameList(names: readonly (readonly [type: number, name: string])[]): Buffer {
  const entries = names.map(([type, name]) =>
    Buffer.concat([Buffer.from([type]), vector(2, Buffer.from(name, "latin1"))]),
  );
  return vector(2, Buffer.concat(entries));
}

export function protocolList(names: readonly string[]): Buffer {
  return vector(2, Buffer.concat(names.map((name) => vector(1, Buffer.from(name, "latin1")))));
}

/** `content` behind its length. */
export function vector(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 0xff]), vector(2, content)]);
}
