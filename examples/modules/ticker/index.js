import { WebSocketServer } from "ws";

export function activate({ version, onShutdown }) {
  const server = new WebSocketServer({ noServer: true });
  const clock = setInterval(() => {
    for (const client of server.clients) client.send(JSON.stringify({ version, at: new Date().toISOString() }));
  }, 1000);
  onShutdown(() => clearInterval(clock));
  return {
    upgrades: (request, socket, head) =>
      server.handleUpgrade(request, socket, head, (client) => client.send(JSON.stringify({ version, welcome: true }))),
  };
}
