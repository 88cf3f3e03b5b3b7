import { type KeyboardEvent, type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { Dialog } from "../kit/dialog.tsx";
import { Icon, type IconName } from "../kit/icon.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { sectionsOf } from "./navigation.ts";

interface Hit {
  readonly id: string;
  readonly icon: IconName;
  readonly text: string;
  readonly aside: string;
  readonly path: string;
}

const SHOWN = 12;

/** Jumps anywhere by a few letters. */
export function Palette({ workspace, onClose }: { readonly workspace: string; readonly onClose: () => void }) {
  const { t } = useWords();
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const hits = useHits(workspace, text);
  const chosen = Math.min(at, hits.length - 1);
  const list = useInSight(chosen);
  const open = (hit: Hit | undefined) => {
    if (hit === undefined) return;
    onClose();
    navigate(hit.path);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setAt((chosen + step + hits.length) % Math.max(1, hits.length));
    } else if (event.key === "Enter") open(hits[chosen]);
  };
  return (
    <Dialog title={<span className="hidden-text">{t("palette.title")}</span>} onClose={onClose} className="palette">
      <input
        className="input palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-hits"
        aria-activedescendant={hits[chosen] && `hit-${chosen}`}
        aria-label={t("palette.placeholder")}
        placeholder={t("palette.placeholder")}
        value={text}
        autoFocus
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id="palette-hits" role="listbox" aria-label={t("palette.title")} className="palette-hits">
        {hits.map((hit, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/useFocusableInteractive: the input has the focus and the keys
          <div
            key={hit.id}
            id={`hit-${index}`}
            role="option"
            aria-selected={index === chosen}
            onClick={() => open(hit)}
          >
            <Icon name={hit.icon} size={16} />
            <span className="grow cut">{hit.text}</span>
            <span className="faint">{hit.aside}</span>
          </div>
        ))}
        {hits.length === 0 && <p className="soft">{t("palette.none")}</p>}
      </div>
      <p className="faint">{t("palette.hint")}</p>
    </Dialog>
  );
}

/** Of a list that is longer than its place, the chosen one stays in sight. */
function useInSight(chosen: number): RefObject<HTMLDivElement | null> {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return list;
}

function useHits(workspace: string, text: string): readonly Hit[] {
  const { t, said } = useWords();
  const { changes, standing } = useWorkspace();
  return useMemo(() => {
    const pages = sectionsOf(workspace).flatMap(({ entries }) => entries);
    const all: Hit[] = [
      ...pages.map(({ key, icon, path }) => ({ id: path, icon, text: t(key), aside: t("palette.page"), path })),
      ...(standing?.services ?? []).map(({ serviceId, name }) => ({
        ...{ id: serviceId, icon: "service" as const, text: name },
        ...{ aside: t("page.services"), path: `/services/${serviceId}` },
      })),
      ...changes.map(({ id, title, state }) => ({
        ...{ id, icon: "change" as const, text: said(title) },
        ...{ aside: t(`change.${state}`), path: `/changes/${id}` },
      })),
    ];
    const wanted = text.trim().toLowerCase();
    const fits = ({ text: own, id }: Hit) => own.toLowerCase().includes(wanted) || id.includes(wanted);
    return all.filter(fits).slice(0, SHOWN);
  }, [workspace, text, t, said, changes, standing]);
}
