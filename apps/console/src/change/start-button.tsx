import type { ReactNode } from "react";
import { Button } from "../kit/button.tsx";

interface StartButtonProps {
  readonly kind: string;
  /** Its plan is there, and nothing is missing. */
  readonly ready: boolean;
  readonly act: { readonly isPending: boolean; mutate(): void };
  readonly children: ReactNode;
}

/** Starts a change of this kind, once its plan stands there; who may not is told so. */
export function StartButton({ kind, ready, act, children }: StartButtonProps) {
  return (
    <Button
      look="primary"
      icon="play"
      needs={`${kind}:create`}
      disabled={!ready || act.isPending}
      onClick={() => act.mutate()}
    >
      {children}
    </Button>
  );
}
