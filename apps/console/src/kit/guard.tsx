import { Component, type ReactNode, useEffect } from "react";
import { useWords } from "../locale/index.tsx";
import { isLostPart, reloadOnceServed } from "./lost-part.ts";
import { ErrorNotice } from "./problem.tsx";

/** What breaks must not take with it what stands around it. */
export class Guard extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    return this.state.error === null ? this.props.children : <Broken error={this.state.error} />;
  }
}

function Broken({ error }: { readonly error: unknown }) {
  const { t } = useWords();
  useEffect(() => {
    if (!isLostPart(error)) return;
    const leaving = new AbortController();
    void reloadOnceServed(leaving.signal);
    return () => leaving.abort();
  }, [error]);
  return (
    <div className="stack">
      <h1>{t("error.title")}</h1>
      <ErrorNotice error={error} />
    </div>
  );
}
