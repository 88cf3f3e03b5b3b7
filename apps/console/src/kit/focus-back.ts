import { useEffect } from "react";

/**
 * What opens over a page and goes again gives the focus back to what had it before: an element that goes leaves it nowhere. Asked for before
 * the focus is taken.
 */
export function useFocusBack(): void {
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      if (before instanceof HTMLElement && document.activeElement === document.body) before.focus();
    };
  }, []);
}
