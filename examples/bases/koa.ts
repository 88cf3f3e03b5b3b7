import Koa from "koa";
import { startBase } from "./base.ts";

const base = await startBase();
const app = new Koa();

app.use(async (context, next) => {
  if (base.handle(context.req, context.res)) context.respond = false;
  else await next();
});
app.use((context) => {
  context.body = { server: "koa", greeting: base.snippet("greeting", { name: "you" }) ?? null };
});
const server = app.listen(Number(process.env.PORT), process.env.HOST);
server.on("upgrade", (request, socket, head) => {
  if (!base.upgrade(request, socket, head)) socket.destroy();
});

process.once("SIGTERM", () => void base.close().then(() => process.exit(0)));
