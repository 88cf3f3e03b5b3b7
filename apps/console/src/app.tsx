import { PlatformError } from "@evenkeel/contracts/error";
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { type ComponentProps, useEffect } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { client, queries } from "./connection.ts";
import { Button } from "./kit/button.tsx";
import { Guard } from "./kit/guard.tsx";
import { ErrorNotice } from "./kit/problem.tsx";
import { Skeleton } from "./kit/surface.tsx";
import { ToastProvider } from "./kit/toasts.tsx";
import { WorkspaceProvider } from "./live/workspace.tsx";
import { LanguageProvider, useWords } from "./locale/index.tsx";
import { LoginPage } from "./session/login-page.tsx";
import { Shell } from "./shell/shell.tsx";
import { rememberWorkspace, workspaceAt } from "./shell/which-workspace.ts";

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <LanguageProvider>
        <ToastProvider>
          <Switch>
            <Route path="/login">
              <LoginPage />
            </Route>
            <Route>
              <Guard>
                <Inside />
              </Guard>
            </Route>
          </Switch>
        </ToastProvider>
      </LanguageProvider>
    </QueryClientProvider>
  );
}

/**
 * Whoever is logged in sees the console, anybody else the way in. Who that is, which workspaces there are and how this one stands are asked
 * for at the same time: each waits for the network, and none for another.
 */
function Inside() {
  const [path] = useLocation();
  const me = useQuery({ queryKey: ["me"], queryFn: () => client.whoAmI(), staleTime: Number.POSITIVE_INFINITY });
  const workspaces = useQuery({
    queryKey: ["workspaces"],
    queryFn: () => client.listWorkspaces({ query: { limit: 200 } }),
  });
  const name = workspaceAt(path, workspaces.data?.items ?? null);
  const missing =
    workspaces.isSuccess &&
    workspaces.data.nextCursor === null &&
    !workspaces.data.items.some((workspace) => workspace.name === name);
  useEffect(() => {
    if (name !== null && workspaces.isSuccess && !missing) rememberWorkspace(name);
  }, [name, workspaces.isSuccess, missing]);
  if (isLoggedOut(me.error)) return <LoginPage />;
  const error = me.error ?? workspaces.error;
  if (error !== null) {
    return (
      <main className="alone">
        <ErrorNotice error={error}>
          <Again again={() => void queries.refetchQueries({ predicate: failed })} />
        </ErrorNotice>
      </main>
    );
  }
  if (name === null) return <Waiting />;
  if (missing) return <NoWorkspace name={name} />;
  return (
    <WorkspaceProvider name={name} key={name}>
      {me.isSuccess && workspaces.isSuccess ? (
        <Entered name={name} me={me.data} workspaces={workspaces.data.items} />
      ) : (
        <Waiting />
      )}
    </WorkspaceProvider>
  );
}

function Entered(props: ComponentProps<typeof Shell>) {
  const [path] = useLocation();
  return path === "/" ? <Redirect to={`/w/${props.name}`} replace /> : <Shell {...props} />;
}

function NoWorkspace({ name }: { readonly name: string }) {
  const { t } = useWords();
  return (
    <main className="alone">
      <ErrorNotice error={new PlatformError("NOT_FOUND", { resource: `workspace ${name}` })}>
        <Link className="link" href="/">
          {t("page.home")}
        </Link>
      </ErrorNotice>
    </main>
  );
}

/** Nothing is live before one is in: what failed on the way in a person tries again. */
function Again({ again }: { readonly again: () => void }) {
  const { t } = useWords();
  return (
    <Button small onClick={again}>
      {t("common.retry")}
    </Button>
  );
}

const failed = ({ state }: { readonly state: { readonly status: string } }) => state.status === "error";

const Waiting = () => (
  <main className="alone">
    <Skeleton />
  </main>
);

const isLoggedOut = (error: unknown): boolean =>
  error instanceof PlatformError && (error.code === "TOKEN_MISSING" || error.code === "TOKEN_UNKNOWN");
