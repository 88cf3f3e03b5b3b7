import { type ReactNode, useEffect, useRef } from "react";
import { useFocusBack } from "./focus-back.ts";

interface DialogProps {
  readonly title: ReactNode;
  readonly children: ReactNode;
  readonly foot?: ReactNode;
  readonly onClose: () => void;
  readonly className?: string;
}

/** The browser's own dialog: it keeps the focus, and Escape closes it. */
export function Dialog({ title, children, foot, onClose, className }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useFocusBack();
  useEffect(() => {
    const element = dialog.current;
    // It goes with its element; closing it first would be told as if a person had closed it.
    if (element !== null && !element.open) element.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`dialog ${className ?? ""}`}
      aria-labelledby="dialog-title"
      onClose={onClose}
      // A click on what lies behind it.
      onPointerDown={(event) => event.target === dialog.current && onClose()}
    >
      <div className="dialog-head">
        <h2 id="dialog-title">{title}</h2>
      </div>
      <div className="dialog-body">{children}</div>
      {foot && <div className="dialog-foot">{foot}</div>}
    </dialog>
  );
}
