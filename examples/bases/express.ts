import express from "express";
import { startBase } from "./base.ts";

const base = await startBase();
const app = express();

app.use((request, response, next) => {
  if (!base.handle(request, response)) next();
});
app.get("/", (_request, response) => {
  response.json({ server: "express", greeting: base.snippet("greeting", { name: "you" }) ?? null });
});
const server = app.listen(Number(process.env.PORT), process.env.HOST ?? "0.0.0.0");
server.on("upgrade", (request, socket, head) => {
  if (!base.upgrade(request, socket, head)) socket.destroy();
});

process.once("SIGTERM", () => void base.close().then(() => process.exit(0)));
