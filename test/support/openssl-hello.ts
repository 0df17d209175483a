/** What a TLS client says first, as OpenSSL writes it. */
import { Duplex } from "node:stream";
import { connect, type ConnectionOptions } from "node:tls";

const RECORD_HEADER_BYTES = 5;

/** The ClientHello of a client with these options, without its record header. Nothing goes over a network. */
export function openSslHello(options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pipe = new Duplex({
      read() {
        // The server says nothing.
      },
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk.subarray(RECORD_HEADER_BYTES));
        done();
        setImmediate(() => socket.destroy());
      },
    });
    const socket = connect({ ...options, socket: pipe });
    socket.on("error", reject);
  });
}
