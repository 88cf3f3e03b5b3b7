import { expect, test } from "vitest";
import { BaseBed } from "../testing.ts";

const stock = (version = "1.0.0") => ({ name: "stock", version, provides: { services: ["stock"] } });
const stockText = (text: string) =>
  `class Stock { #word = ${JSON.stringify(text)}; count(item) { return item + " " + this.#word; } async later(item) { return this.count(item); } }
  exports.activate = () => ({ services: { stock: new Stock() } });`;
const shop = {
  name: "shop",
  version: "1.0.0",
  provides: { services: ["shop"] },
  needs: { services: { stock: { version: "^1.0.0" } } },
};
const shopText = `exports.activate = ({ service }) => { const stock = service("stock");
  return { services: { shop: { buy: (item) => stock.count(item), late: (item) => stock.later(item) } } }; };`;
interface Stock {
  count(item: string): string;
  later(item: string): Promise<string>;
  added(): string;
}
interface Shop {
  buy(item: string): string;
  late(item: string): Promise<string>;
}

test("module calls module and base calls module; a replaced provider is bound without the caller noticing", async () => {
  await using bed = await BaseBed.open();
  const ofBase = bed.base.service<Stock>("stock");
  expect(() => ofBase.count("pen")).toThrow("Nobody provides the service stock");
  await bed.install(stock(), stockText("one"));
  await bed.install(shop, shopText);
  const sold = bed.base.service<Shop>("shop");
  expect([sold.buy("pen"), await sold.late("ink"), ofBase.count("nib")]).toEqual(["pen one", "ink one", "nib one"]);
  await bed.install(stock("1.1.0"), stockText("two"));
  expect([sold.buy("pen"), await sold.late("ink"), ofBase.count("nib")]).toEqual(["pen two", "ink two", "nib two"]);
  // Outside the range that the shop asked for: it goes on without, the base takes any.
  await bed.install(stock("2.0.0"), stockText("three"));
  expect(() => sold.buy("pen")).toThrow("Nobody provides the service stock ^1.0.0 now");
  expect(ofBase.count("nib")).toBe("nib three");
});

test("a reference that was there before its provider becomes the same as one that came after, and learns what later versions can do", async () => {
  await using bed = await BaseBed.open();
  const early = bed.base.service<Stock>("stock");
  expect([`${early}`, await early]).toEqual(["[object Object]", early]);
  expect(() => early.count("pen")).toThrow("Nobody provides the service stock");
  await bed.install(stock(), stockText("one"));
  // Only what is no Proxy is called as fast as a method.
  expect(Object.getPrototypeOf(early)).toBe(Object.getPrototypeOf(bed.base.service<Stock>("stock")));
  expect(early.count("pen")).toBe("pen one");
  const more = "exports.activate = () => ({ services: { stock: { count: () => 'two', added: () => 'more' } } });";
  await bed.install(stock("1.1.0"), more);
  expect([early.count("pen"), early.added()]).toEqual(["two", "more"]);
  await bed.uninstall("stock", "1.1.0");
  expect(() => early.added()).toThrow("Nobody provides the service stock");
});

test("whoever asks for a service at every call gets the same reference, and a module that comes anew one of its own", async () => {
  await using bed = await BaseBed.open();
  await bed.install(stock(), stockText("one"));
  const asking = `exports.activate = ({ service }) => ({ services: { shop: { refer: () => service("stock"), buy: (item) => service("stock").count(item) } } });`;
  await bed.install(shop, asking);
  const ofBase = bed.base.service("stock");
  expect(bed.base.service("stock")).toBe(ofBase);
  expect(bed.base.service("stock", { version: "^1.0.0" })).not.toBe(ofBase);
  const sold = bed.base.service<Shop & { refer(): Stock }>("shop");
  const first = sold.refer();
  expect([sold.refer() === first, (first as unknown) === ofBase, sold.buy("pen")]).toEqual([true, false, "pen one"]);
  await bed.install({ ...shop, version: "1.1.0" }, asking);
  expect(sold.refer()).not.toBe(first);
  expect(sold.buy("ink")).toBe("ink one");
});

test("a need that nobody provides is refused at activation, a name provided twice at installation", async () => {
  await using bed = await BaseBed.open({ services: { clock: { version: "1.0.0", service: { now: () => 7 } } } });
  await expect(bed.install(shop, shopText)).rejects.toMatchObject({ code: "SERVICE_MISSING" });
  await bed.install(stock(), stockText("one"));
  await expect(bed.install({ ...stock(), name: "twin" }, stockText("x"))).rejects.toMatchObject({
    code: "SERVICE_TAKEN",
  });
  const watch = { name: "watch", version: "1.0.0", provides: { services: ["clock"] } };
  await expect(bed.install(watch, "")).rejects.toMatchObject({ code: "SERVICE_TAKEN" });
  const greedy = "exports.activate = ({ service }) => void service('stock');";
  await expect(bed.install({ name: "greedy", version: "1.0.0" }, greedy)).rejects.toMatchObject({
    code: "SERVICE_MISSING",
  });
});

test("a call under way ends on the version that it began on, and the old version waits for it", async () => {
  await using bed = await BaseBed.open();
  const slow = `exports.activate = () => { let go; const gate = new Promise((resolve) => { go = resolve; });
    return { services: { stock: { go: () => go(), wait: async () => { await gate; return "one"; } } } }; };`;
  await bed.install(stock(), slow);
  const { go, wait } = bed.base.service<{ go(): void; wait(): Promise<string> }>("stock");
  void [go, wait];
  const reference = bed.base.service<{ go(): void; wait(): Promise<string> }>("stock");
  const old = {
    go: reference.go.bind(
      Object.create(reference, { target: { value: (reference as unknown as { target: unknown }).target } }),
    ),
  };
  const called = reference.wait();
  await bed.install(stock("1.1.0"), stockText("two"));
  expect(bed.base.report().modules[0]).toMatchObject({ version: "1.0.0", state: "draining", inFlight: 1 });
  old.go();
  expect(await called).toBe("one");
  await expect.poll(() => bed.base.report().modules.length, { timeout: 60_000 }).toBe(1);
});

test("who waits for a promise of a version that leaves without keeping it is told so when its time is over", async () => {
  await using bed = await BaseBed.open();
  const never = "exports.activate = () => ({ services: { stock: { never: () => new Promise(() => {}) } } });";
  await bed.install({ ...stock(), drainSeconds: 0 }, never);
  const called = bed.base.service<{ never(): Promise<void> }>("stock").never();
  const told = expect(called).rejects.toMatchObject({ code: "MODULE_LEAVING" });
  await bed.uninstall("stock");
  await told;
});

test("a module that has itself taken away in the middle of a call ends that call first", async () => {
  const removed: Promise<unknown>[] = [];
  const remove = (): void => void removed.push(bed.uninstall("stock"));
  const services = { remover: { version: "1.0.0", service: { remove } } };
  await using bed = await BaseBed.open({ services });
  const text = `exports.activate = ({ service, onShutdown }) => { let isShut = false; let go; const gate = new Promise((resolve) => { go = resolve; });
    onShutdown(() => { isShut = true; });
    const stock = { later: () => { service("remover").remove(); return gate.then(() => isShut); }, go: () => go() };
    return { services: { stock } }; };`;
  await bed.install({ ...stock(), needs: { services: { remover: {} } } }, text);
  const reference = bed.base.service<{ later(): Promise<boolean>; go(): void }>("stock");
  const { target } = reference as unknown as { target: { impl: { go(): void } } };
  const called = reference.later();
  await new Promise((resolve) => setImmediate(resolve));
  expect(bed.base.report().modules[0]).toMatchObject({ state: "draining", inFlight: 1 });
  target.impl.go();
  expect(await called).toBe(false);
  await Promise.all(removed);
  expect(bed.base.report().modules).toEqual([]);
});

test("errors of a provider reach the caller as they are; a method that is not there says so", async () => {
  await using bed = await BaseBed.open();
  await bed.install(
    stock(),
    "exports.activate = () => ({ services: { stock: { count() { throw new RangeError('none'); }, added() {} } } });",
  );
  const reference = bed.base.service<Stock>("stock");
  expect(() => reference.count("pen")).toThrow(RangeError);
  await bed.install(stock("1.1.0"), stockText("two"));
  expect(() => reference.added()).toThrow("has no method added");
});

test("calls are split by caller, tag, version and an argument, and an uninstall does not wait for a split", async () => {
  await using bed = await BaseBed.open();
  await bed.install(stock(), stockText("one"));
  await bed.install({ ...stock("1.1.0"), tags: { gray: "yes" } }, stockText("gray"), {
    replace: false,
    publish: { tags: {} },
  });
  await bed.install(shop, shopText);
  const on = { kind: "service" as const, name: "stock" };
  const to = (target: object) => [{ tags: {}, weight: 1, ...target }];
  await bed.base.perform("split", {
    operationId: "s",
    rules: [
      { on, when: { caller: "shop" }, to: to({ version: "1.0.0" }), stickyOn: "" },
      { on, when: { body: { path: "0.tier", equals: "gold" } }, to: to({ tags: { gray: "yes" } }), stickyOn: "" },
      { on, when: {}, to: to({ version: "1.0.0" }), stickyOn: "" },
    ],
  });
  const ofBase = bed.base.service<{ count(item: unknown): string }>("stock");
  expect(bed.base.service<Shop>("shop").buy("pen")).toBe("pen one");
  expect(ofBase.count({ tier: "gold", toString: () => "pen" })).toBe("pen gray");
  expect(ofBase.count({ tier: "tin", toString: () => "pen" })).toBe("pen one");
  await bed.uninstall("stock", "1.1.0");
  expect(ofBase.count({ tier: "gold", toString: () => "pen" })).toBe("pen one");
});
