import { type RefObject, useEffect } from "react";

/**
 * Whoever goes to another page begins at its top, with eyes and with keys: the browser knows of no other page and would leave both where they
 * were. Whoever goes back is put by the browser where he was.
 */
export function useTopOfNextPage(content: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    let path = location.pathname;
    const onPush = () => {
      if (location.pathname === path) return;
      path = location.pathname;
      scrollTo(0, 0);
      content.current?.focus({ preventScroll: true });
    };
    const onOther = () => {
      path = location.pathname;
    };
    addEventListener("pushState", onPush);
    for (const name of OTHER) addEventListener(name, onOther);
    return () => {
      removeEventListener("pushState", onPush);
      for (const name of OTHER) removeEventListener(name, onOther);
    };
  }, [content]);
}

/** The router tells of each as an event of that name. */
const OTHER = ["popstate", "replaceState"] as const;
