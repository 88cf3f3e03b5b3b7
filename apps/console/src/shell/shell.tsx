import type { Api } from "@evenkeel/contracts/api";
import type { ReplyOf } from "@evenkeel/contracts/endpoint";
import type { Workspace } from "@evenkeel/contracts/workspace";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { Button } from "../kit/button.tsx";
import { Icon } from "../kit/icon.tsx";
import { MayProvider } from "../kit/may.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { Mark } from "../session/login-page.tsx";
import { sectionsOf } from "./navigation.ts";
import { useTopOfNextPage } from "./next-page.ts";
import { Pages } from "./pages.tsx";
import { Palette } from "./palette.tsx";
import { Person } from "./person.tsx";
import { LanguageButton, ThemeButton } from "./switches.tsx";
import "./shell.css";

interface ShellProps {
  readonly me: ReplyOf<Api["whoAmI"]>;
  readonly workspaces: readonly Workspace[];
  /** The one that the page is of. */
  readonly name: string;
}

/** The frame around every page: where one is, where one can go, whether what one sees is live. */
export function Shell({ me, workspaces, name }: ShellProps) {
  const { t } = useWords();
  const content = useRef<HTMLElement>(null);
  useTopOfNextPage(content);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {t("shell.skip")}
      </a>
      <Side workspaces={workspaces} name={name} />
      <div className="shell-main">
        <Top me={me} name={name} />
        <main ref={content} id="content" className="content" tabIndex={-1}>
          <MayProvider may={me.may}>
            <Pages workspace={name} />
          </MayProvider>
        </main>
      </div>
    </div>
  );
}

function Side({ workspaces, name }: Omit<ShellProps, "me">) {
  const { t } = useWords();
  const [path, navigate] = useLocation();
  // In a narrow window it covers the page, and is gone once one has gone somewhere.
  const [openAt, setOpenAt] = useState<string | null>(null);
  const open = openAt === path;
  return (
    <nav
      className={open ? "side open" : "side"}
      aria-label={t("nav.label")}
      onKeyDown={({ key }) => key === "Escape" && setOpenAt(null)}
    >
      <div className="row">
        <Link href={`/w/${name}`} className="brand grow">
          <Mark size={28} />
          Evenkeel
        </Link>
        <Button
          className="side-menu"
          look="quiet"
          icon="menu"
          aria-label={t("nav.menu")}
          aria-expanded={open}
          onClick={() => setOpenAt(open ? null : path)}
        />
      </div>
      <label className="workspace">
        <span className="hidden-text">{t("shell.workspace")}</span>
        <select className="input" value={name} onChange={(event) => navigate(`/w/${event.target.value}`)}>
          {workspaces.map((workspace) => (
            <option key={workspace.id}>{workspace.name}</option>
          ))}
        </select>
      </label>
      {sectionsOf(name).map(({ key, entries }) => (
        <div key={key} className="side-section">
          <h3>{t(key)}</h3>
          <ul>
            {entries
              .filter(({ hidden }) => hidden !== true)
              .map((entry) => (
                <li key={entry.key}>
                  <Link href={entry.path} aria-current={isAt(path, entry.path) ? "page" : undefined}>
                    <Icon name={entry.icon} />
                    {t(entry.key)}
                  </Link>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

/** A single change belongs to the list of changes, and so on. */
function isAt(path: string, entry: string): boolean {
  if (path === entry) return true;
  // `/w/local/modules/prices` is one of the modules; `/w/local` alone is home.
  if (entry.split("/").length > 3 && path.startsWith(`${entry}/`)) return true;
  const last = entry.split("/").at(-1) ?? "";
  return !path.startsWith("/w/") && path.split("/")[1] === last;
}

function Top({ me, name }: Pick<ShellProps, "me" | "name">) {
  const { t } = useWords();
  const { up, crowded } = useWorkspace();
  const link = crowded ? "crowded" : up ? "live" : "cut";
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k")) return;
      event.preventDefault();
      setOpen(true);
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
  return (
    <header className="top">
      <button type="button" className="top-search" onClick={() => setOpen(true)}>
        <Icon name="search" size={16} />
        <span className="grow">{t("shell.search")}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <span className="grow" />
      <span
        className={`live tone-${link === "live" ? "good" : "warn"}`}
        title={link === "live" ? undefined : t(`shell.${link}.hint`)}
        role="status"
      >
        {t(`shell.${link}`)}
      </span>
      <LanguageButton />
      <ThemeButton />
      <Person me={me} />
      {open && <Palette workspace={name} onClose={() => setOpen(false)} />}
    </header>
  );
}
