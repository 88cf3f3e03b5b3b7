import { type ReactNode, useEffect, useRef } from "react";

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
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    // It goes with its element; closing it first would be told as if a person had closed it.
    if (element !== null && !element.open) element.showModal();
    return () => {
      // An element that goes leaves the focus nowhere: it goes back to the button that led here, unless somebody has it by now.
      if (before instanceof HTMLElement && document.activeElement === document.body) before.focus();
    };
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
