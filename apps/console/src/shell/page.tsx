import { type ReactNode, useEffect } from "react";

interface PageHeadProps {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly children?: ReactNode;
}

/** What this page is, and what one does here first. */
export function PageHead({ title, lead, children }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} – Evenkeel`;
  }, [title]);
  return (
    <header className="page-head">
      <div className="grow">
        <h1>{title}</h1>
        {lead && <p className="soft">{lead}</p>}
      </div>
      <div className="row wrap">{children}</div>
    </header>
  );
}
