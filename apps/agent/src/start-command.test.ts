import { expect, test } from "vitest";
import { startCommand } from "./start-command.ts";

const place = { host: "127.0.0.1", port: 8080 };

test.each([
  ["node server.js", "exec node server.js"],
  ["./server --listen {host}:{port}", "exec ./server --listen 127.0.0.1:8080"],
  ["sh -c 'a; exec b'", "exec sh -c 'a; exec b'"],
  ["cd app && node server.js", "cd app && node server.js"],
  ["LEVEL=1 node server.js", "LEVEL=1 node server.js"],
  ["exec node server.js", "exec node server.js"],
])("the start command %j is run as %j", (start, shell) => {
  expect(startCommand(start, place)).toEqual(["/bin/sh", "-c", shell]);
});
