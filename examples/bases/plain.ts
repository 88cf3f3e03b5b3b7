import { createServer } from "node:http";
import { startBase } from "./base.ts";

const base = await startBase();

const server = createServer((request, response) => {
  if (base.handle(request, response)) return;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ server: "node:http", greeting: base.snippet("greeting", { name: "you" }) ?? null }));
});
server.on("upgrade", (request, socket, head) => {
  if (!base.upgrade(request, socket, head)) socket.destroy();
});
server.listen(Number(process.env.PORT), process.env.HOST);

process.once("SIGTERM", () => void base.close().then(() => process.exit(0)));
