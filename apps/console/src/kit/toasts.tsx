import { createContext, type ReactNode, use, useCallback, useMemo, useRef, useState } from "react";
import { useWords } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";
import { Button } from "./button.tsx";
import { asProblem } from "./problem.tsx";
import { Notice, type Tone } from "./surface.tsx";

interface Toast {
  readonly id: number;
  readonly tone: Tone;
  readonly title: string;
  readonly text?: string;
}

interface Toasts {
  say(title: string): void;
  fail(error: unknown): void;
}

const Context = createContext<Toasts | null>(null);
const SHOWN_MS = 5000;

/** Short words in a corner: what was done goes by itself, what failed stays until it is read. */
export function ToastProvider({ children }: { readonly children: ReactNode }) {
  const words = useWords();
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const next = useRef(0);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const add = useCallback((toast: Omit<Toast, "id">) => {
    next.current += 1;
    const id = next.current;
    setToasts((all) => [...all.slice(-3), { ...toast, id }]);
    return id;
  }, []);
  const value = useMemo<Toasts>(
    () => ({
      say: (title) => {
        const id = add({ tone: "good", title });
        setTimeout(() => drop(id), SHOWN_MS);
      },
      fail: (error) => {
        const { title, remedy } = sentenceOf(asProblem(error), words);
        add({ tone: "bad", title, text: remedy });
      },
    }),
    [add, drop, words],
  );
  return (
    <Context value={value}>
      {children}
      <div className="toasts">
        {toasts.map(({ id, tone, title, text }) => (
          <Notice
            key={id}
            tone={tone}
            title={title}
            aside={
              <Button small look="quiet" icon="close" aria-label={words.t("common.close")} onClick={() => drop(id)} />
            }
          >
            {text}
          </Notice>
        ))}
      </div>
    </Context>
  );
}

export function useToasts(): Toasts {
  const toasts = use(Context);
  if (toasts === null) throw new Error("there is no ToastProvider");
  return toasts;
}
