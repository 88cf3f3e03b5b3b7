import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useWords } from "../locale/index.tsx";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { ErrorNotice } from "./problem.tsx";

interface RemovalProps {
  readonly title: string;
  readonly verb: string;
  /** What will be so afterwards. */
  readonly children: ReactNode;
  readonly remove: () => Promise<unknown>;
  /** Of what was read and has one less now. */
  readonly from: readonly string[];
  readonly onClose: () => void;
}

/** Says what it means that something goes, before it does. */
export function Removal({ title, verb, children, remove, from, onClose }: RemovalProps) {
  const { t } = useWords();
  const queries = useQueryClient();
  const act = useMutation({
    mutationFn: remove,
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: from });
      onClose();
    },
  });
  return (
    <Dialog
      title={title}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="danger" disabled={act.isPending} onClick={() => act.mutate()}>
            {verb}
          </Button>
        </>
      }
    >
      {act.isError && <ErrorNotice error={act.error} />}
      <p>{children}</p>
    </Dialog>
  );
}
