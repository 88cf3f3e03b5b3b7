import { createContext, type ReactNode, use, useEffect, useMemo, useState } from "react";
import { en } from "./en/index.ts";
import { saidBy, stepBy } from "./said.ts";
import { zh } from "./zh/index.ts";

export type Key = keyof typeof en;
export type Language = "en" | "zh";
type Facts = Readonly<Record<string, string | number>>;

const TEXTS: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { en, zh };
const LOCALES: Readonly<Record<Language, string>> = { en: "en-GB", zh: "zh-CN" };
const STORED = "evenkeel.language";

/** Words, numbers and times as the person reads them. */
export interface Words {
  readonly language: Language;
  setLanguage(language: Language): void;
  t(key: Key, facts?: Facts): string;
  /** The text of a key that is made of data; data that we do not know stands for itself. */
  named(prefix: string, name: string): string;
  /** A text of an answer, told in the person's language as far as it is the platform's own; a word alone needs its family. */
  said(text: string, family?: string): string;
  /** The name of a step. */
  step(name: string): string;
  /** Date and time in the person's zone. */
  moment(at: string): string;
  clock(at: string): string;
  /** How long ago, roughly. */
  ago(at: string, nowMs: number): string;
  duration(ms: number): string;
  number(value: number): string;
}

const Context = createContext<Words | null>(null);

export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(preferred);
  useEffect(() => {
    document.documentElement.lang = LOCALES[language];
    localStorage.setItem(STORED, language);
  }, [language]);
  const words = useMemo(() => wordsOf(language, setLanguage), [language]);
  return <Context value={words}>{children}</Context>;
}

/** The words of the person's language. */
export function useWords(): Words {
  const words = use(Context);
  if (words === null) throw new Error("there is no LanguageProvider");
  return words;
}

function preferred(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === "en" || stored === "zh") return stored;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

const DAY_MS = 86_400_000;

export function wordsOf(language: Language, setLanguage: (language: Language) => void): Words {
  const texts = TEXTS[language];
  const locale = LOCALES[language];
  const moment = whenUsed(
    () => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }),
  );
  const clock = whenUsed(() => new Intl.DateTimeFormat(locale, { timeStyle: "medium", hourCycle: "h23" }));
  const relative = whenUsed(() => new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "short" }));
  const number = whenUsed(() => new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }));
  const speaker = {
    language,
    named: (prefix: string, name: string) => texts[`${prefix}.${name}` as Key] ?? name,
    moment: (at: string) => moment().format(new Date(at)),
  };
  const told = remembering((text, family) => saidBy(speaker, text, family));
  return {
    ...speaker,
    setLanguage,
    t: (key, facts = {}) => fill(texts[key], facts),
    said: told,
    step: (name) => stepBy(speaker, name),
    clock: (at) => clock().format(new Date(at)),
    ago: (at, nowMs) => {
      const ms = nowMs - Date.parse(at);
      if (Math.abs(ms) < 10_000) return texts["time.now"];
      const [amount, unit] = roughly(ms);
      return relative().format(-amount, unit);
    },
    duration: (ms) => durationOf(ms, language),
    number: (value) => number().format(value),
  };
}

/** The first of each kind loads what the browser knows of a language, which takes longer than the first picture: not before somebody needs it. */
function whenUsed<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const REMEMBERED = 2000;

/** The same texts are told again and again: thousands of hosts go through the same steps. */
function remembering(tell: Words["said"]): Words["said"] {
  const known = new Map<string, string>();
  return (text, family) => {
    const key = `${family ?? ""} ${text}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size === REMEMBERED) known.clear();
    const now = tell(text, family);
    known.set(key, now);
    return now;
  };
}

function roughly(ms: number): [number, Intl.RelativeTimeFormatUnit] {
  const far = Math.abs(ms);
  if (far < 60_000) return [Math.round(ms / 1000), "second"];
  if (far < 3_600_000) return [Math.round(ms / 60_000), "minute"];
  if (far < DAY_MS) return [Math.round(ms / 3_600_000), "hour"];
  return [Math.round(ms / DAY_MS), "day"];
}

const UNITS: Readonly<Record<Language, readonly string[]>> = {
  en: [" ms", " s", " min", " h"],
  zh: [" 毫秒", " 秒", " 分", " 小时"],
};

function durationOf(ms: number, language: Language): string {
  const [milli, second, minute, hour] = UNITS[language];
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}${milli}`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)}${second}`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes}${minute} ${Math.round((ms % 60_000) / 1000)}${second}`;
  return `${Math.floor(minutes / 60)}${hour} ${minutes % 60}${minute}`;
}

/** `{count}` is a fact; `{count:host|hosts}` is the word that fits its number. */
const fill = (text: string, facts: Facts): string =>
  text
    .replace(
      /\{(\w+):([^|}]*)\|([^}]*)\}/g,
      (...[, name, one, many]: string[]) => (facts[name ?? ""] === 1 ? one : many) ?? "",
    )
    .replace(/\{(\w+)\}/g, (whole, name: string) => String(facts[name] ?? whole));
