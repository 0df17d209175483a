/** Writes what a command has to say. A reader that has seen enough (`| head`) is no error. */

/** To standard output, or to `stream`. */
export function print(text: string, stream: NodeJS.WriteStream = process.stdout): void {
  if (!stream.listeners("error").includes(ignoreClosedReader)) stream.on("error", ignoreClosedReader);
  stream.write(text);
}

function ignoreClosedReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
