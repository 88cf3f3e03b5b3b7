import type { ChangeState } from "@evenkeel/contracts/change-state";
import type { Locator, Page } from "playwright-core";
import type { Platform } from "./platform.ts";

/** What a person of a test does on a page of the console; by keyboard, so that all of it can be. */
export interface Hands {
  address(path: string): string;
  button(name: string): Locator;
  press(target: Locator): Promise<void>;
  /** Presses what asks first, and answers its dialog. */
  ask(target: Locator): Promise<Locator>;
  /** Presses the button of an action, says why where it asks, and presses the same in the dialog. */
  act(name: string, reason?: string): Promise<void>;
  /** Waits until the page of a change says so, and sees that the API does too. */
  shows(state: ChangeState, label: string): Promise<void>;
  /** Targets of a change that stand so. */
  tiles(state: string): Locator;
}

/** The hands of who sits at this page, which may be opened later. */
export function handsOf(at: () => { readonly page: Page; readonly platform: Platform }): Hands {
  const button = (name: string): Locator => at().page.getByRole("button", { name, exact: true });
  const press = async (target: Locator): Promise<void> => {
    // A key on what cannot be pressed yet is lost without a word: the button of a plan that is being made anew.
    await target.click({ trial: true });
    await target.press("Enter");
  };
  const ask = async (target: Locator): Promise<Locator> => {
    await press(target);
    const dialog = at().page.getByRole("dialog");
    await dialog.waitFor();
    return dialog;
  };
  return {
    ...{ button, press, ask },
    address: (path) => `${at().platform.controlPlanes[0]}${path}`,
    act: async (name, reason) => {
      const dialog = await ask(button(name).first());
      if (reason !== undefined) await dialog.getByLabel("Why").fill(reason);
      await press(dialog.getByRole("button", { name, exact: true }));
      await dialog.waitFor({ state: "detached" });
    },
    shows: async (state, label) => {
      const { page, platform } = at();
      await page.locator(".page-head .badge", { hasText: label }).waitFor();
      const id = /chg_\w+/.exec(page.url())?.[0] ?? "";
      const change = await platform.client.getChange({ params: { changeId: id as never } });
      if (change.state !== state) throw new Error(`${id} is ${change.state}, and its page says ${label}`);
    },
    tiles: (state) => at().page.locator(`.tile[data-state="${state}"]`),
  };
}
