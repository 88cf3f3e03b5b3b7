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
app.listen(Number(process.env.PORT), process.env.HOST);

process.once("SIGTERM", () => void base.close().then(() => process.exit(0)));
