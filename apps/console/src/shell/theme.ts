import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";
/** Without a choice of one's own it is the system's. */
export type ThemeChoice = Theme | "system";

const STORED = "evenkeel.theme";
const watchers = new Set<() => void>();
const system = matchMedia("(prefers-color-scheme: dark)");

function chosenTheme(): ThemeChoice {
  const stored = localStorage.getItem(STORED);
  return stored === "light" || stored === "dark" ? stored : "system";
}

function currentTheme(): Theme {
  const chosen = chosenTheme();
  if (chosen !== "system") return chosen;
  return system.matches ? "dark" : "light";
}

/** Shows what was chosen, and follows the system where nothing was. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = currentTheme();
  for (const tell of watchers) tell();
}

system.addEventListener("change", applyTheme);

export function chooseTheme(theme: ThemeChoice): void {
  if (theme === "system") localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, theme);
  applyTheme();
}

function watch(tell: () => void): () => void {
  watchers.add(tell);
  return () => watchers.delete(tell);
}

/** What is shown, and what was chosen. */
export function useTheme(): { readonly theme: Theme; readonly chosen: ThemeChoice } {
  return { theme: useSyncExternalStore(watch, currentTheme), chosen: useSyncExternalStore(watch, chosenTheme) };
}
