const PRICES = { pen: 120, ink: 450 };

export function activate({ service }) {
  const clock = service("clock");
  const price = (item) => PRICES[item] ?? null;
  return {
    routes: (request, response) => {
      const item = new URL(request.url, "http://base").pathname.split("/")[2];
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ item, cents: price(item), at: clock.now() }));
    },
    services: { prices: { price } },
  };
}
