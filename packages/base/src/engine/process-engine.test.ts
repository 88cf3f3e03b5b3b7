import { expect, test } from "vitest";
import { BaseBed } from "../testing.ts";

const component = (name: string, components: object[], version = "1.0.0") => ({
  ...{ name, version, form: "component" as const },
  provides: { components: components as { point: string }[] },
});
const links = (parts: Record<string, string>): string =>
  `exports.activate = () => ({ components: { ${Object.entries(parts).map(([point, code]) => `${point}: ${code}`)} } });`;

test("a process chains components of modules, chosen by the business of the attributes", async () => {
  const processes = { checkout: ["price", { point: "discount", optional: true as const }, "tax"] };
  await using bed = await BaseBed.open({ processes });
  const everyday = { price: "({ items }) => items * 100", tax: "async (sum) => sum * 1.1" };
  await bed.install(component("till", [{ point: "price" }, { point: "tax" }]), links(everyday));
  await bed.install(
    component("club", [{ point: "discount", businesses: ["members"] }]),
    links({ discount: "(sum) => sum - 50" }),
  );
  await bed.install(
    component("export", [{ point: "tax", businesses: ["abroad"] }]),
    links({ tax: "(sum, { attributes }) => sum + ' to ' + attributes.country" }),
  );
  const business = (name: string, when: object, modules: string[] = []) => ({
    name,
    when: { ...when } as Record<string, string>,
    modules,
  });
  const businesses = [
    business("members", { card: "gold" }),
    business("abroad", { zone: "far" }),
    business("plain", {}, ["till"]),
  ];
  await bed.base.perform("businesses", { operationId: "b", businesses });
  const run = (attributes: object) => bed.base.run("checkout", { attributes: { ...attributes }, input: { items: 2 } });
  const gold = await run({ card: "gold" });
  expect(gold.output).toBeCloseTo(165);
  expect(gold.links.map(({ point, module }) => `${point} by ${module}`)).toEqual([
    "price by till",
    "discount by club",
    "tax by till",
  ]);
  expect(await run({ zone: "far", country: "Peru" })).toMatchObject({ business: "abroad", output: "200 to Peru" });
  expect(await run({})).toMatchObject({ business: "plain", output: expect.closeTo(220) });
  // A new version of one link serves at once, in every business that it takes part in.
  await bed.install(
    component("till", [{ point: "price" }, { point: "tax" }], "1.1.0"),
    links({ ...everyday, price: "() => 10" }),
    { publish: null },
  );
  expect(await run({})).toMatchObject({ output: expect.closeTo(11), links: [{ version: "1.1.0" }, {}] });
  await bed.uninstall("till", "1.1.0");
  await expect(run({})).rejects.toMatchObject({ code: "COMPONENT_ABSENT" });
  await expect(bed.base.run("refund", { attributes: {}, input: null })).rejects.toMatchObject({
    code: "PROCESS_UNKNOWN",
  });
  await bed.base.perform("businesses", { operationId: "none", businesses: [] });
  await expect(run({})).rejects.toMatchObject({ code: "BUSINESS_UNKNOWN" });
});

test("a snippet is one function behind the base's interface, split like everything else", async () => {
  await using bed = await BaseBed.open({ snippets: ["greeting"] });
  expect(bed.base.snippet("greeting", "Ann")).toBeUndefined();
  const snippet = (version: string) => ({
    name: "greeter",
    version,
    form: "snippet" as const,
    provides: { snippet: "greeting" },
  });
  await bed.install(snippet("1.0.0"), "module.exports = (who) => 'Hello ' + who.name;");
  expect(bed.base.snippet("greeting", { name: "Ann" })).toBe("Hello Ann");
  await bed.install(snippet("2.0.0"), "module.exports = { default: (who) => 'Hi ' + who.name };", { replace: false });
  const on = { kind: "snippet" as const, name: "greeting" };
  const rule = {
    on,
    when: { body: { path: "tier", equals: "gold" } },
    to: [{ version: "2.0.0", tags: {}, weight: 1 }],
    stickyOn: "",
  };
  const rest = { on, when: {}, to: [{ version: "1.0.0", tags: {}, weight: 1 }], stickyOn: "" };
  await bed.base.perform("split", { operationId: "s", rules: [rule, rest] });
  expect(bed.base.snippet("greeting", { name: "Ann", tier: "gold" })).toBe("Hi Ann");
  expect(bed.base.snippet("greeting", { name: "Ann" })).toBe("Hello Ann");
});
