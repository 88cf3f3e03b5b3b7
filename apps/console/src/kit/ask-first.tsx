import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useWords } from "../locale/index.tsx";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { ErrorNotice } from "./problem.tsx";

interface AskFirstProps {
  /** The action, as on the button that led here. */
  readonly action: string;
  readonly act: () => Promise<unknown>;
  readonly onDone: () => unknown;
  readonly onClose: () => void;
  /** What it will do. */
  readonly children: ReactNode;
}

/** What takes something away says what it will do before it does it. */
export function AskFirst({ action, act, onDone, onClose, children }: AskFirstProps) {
  const { t } = useWords();
  const done = useMutation({
    mutationFn: act,
    onSuccess: async () => {
      await onDone();
      onClose();
    },
  });
  return (
    <Dialog
      title={action}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="danger" disabled={done.isPending} onClick={() => done.mutate()}>
            {action}
          </Button>
        </>
      }
    >
      <p>{children}</p>
      {done.isError && <ErrorNotice error={done.error} />}
    </Dialog>
  );
}
