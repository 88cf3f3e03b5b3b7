import { fastify } from "fastify";
import { startBase } from "./base.ts";

const base = await startBase();
const app = fastify();

// A module answers before anything of fastify's has read the body.
app.addHook("onRequest", (request, reply, done) => {
  if (base.handle(request.raw, reply.raw)) reply.hijack();
  else done();
});
// Without a route of its own a path would be refused before the hook was asked.
app.all("/*", (_request, reply) => reply.code(404).send());
app.get("/", () => ({ server: "fastify", greeting: base.snippet("greeting", { name: "you" }) ?? null }));
app.server.on("upgrade", (request, socket, head) => {
  if (!base.upgrade(request, socket, head)) socket.destroy();
});
await app.listen({ port: Number(process.env.PORT), host: process.env.HOST ?? "0.0.0.0" });

process.once("SIGTERM", () => void base.close().then(() => process.exit(0)));
