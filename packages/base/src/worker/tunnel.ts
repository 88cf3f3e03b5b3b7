import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Upgrade } from "../publication/upgrades.ts";

/** Passes a request to leave HTTP on to a worker's socket, and then the bytes of both sides; settles when the worker has begun to answer. */
export function openTunnel(socketPath: string, { request, socket, head }: Upgrade): Promise<void> {
  return new Promise((resolve, reject) => {
    const upstream = connect(socketPath);
    let answered = false;
    const broken = (error: Error): void => {
      reject(error);
      // Before that whoever waits for the promise answers.
      if (answered) socket.destroy();
    };
    upstream.once("data", () => {
      answered = true;
      resolve();
    });
    upstream.on("error", broken);
    upstream.on("close", () => {
      if (!answered) broken(new Error("it ended"));
      // The pipe has ended the client's side; what is written still goes out.
      else socket.end(() => socket.destroy());
    });
    socket.on("close", () => upstream.destroy());
    upstream.write(headOf(request), "latin1");
    upstream.write(head);
    upstream.pipe(socket);
    socket.pipe(upstream);
  });
}

function headOf({ method = "GET", url = "/", rawHeaders }: IncomingMessage): string {
  let text = `${method} ${url} HTTP/1.1\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2)
    text += `${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`;
  return `${text}\r\n`;
}
