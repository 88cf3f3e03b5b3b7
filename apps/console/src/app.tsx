import { PlatformError } from "@evenkeel/contracts/error";
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { Route, Switch } from "wouter";
import { client, queries } from "./connection.ts";
import { ErrorNotice } from "./kit/problem.tsx";
import { Skeleton } from "./kit/surface.tsx";
import { ToastProvider } from "./kit/toasts.tsx";
import { LanguageProvider } from "./locale/index.tsx";
import { LoginPage } from "./session/login-page.tsx";
import { Shell } from "./shell/shell.tsx";

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
              <Inside />
            </Route>
          </Switch>
        </ToastProvider>
      </LanguageProvider>
    </QueryClientProvider>
  );
}

/** Whoever is logged in sees the console, anybody else the way in. */
function Inside() {
  const me = useQuery({ queryKey: ["me"], queryFn: () => client.whoAmI(), staleTime: Number.POSITIVE_INFINITY });
  const workspaces = useQuery({
    queryKey: ["workspaces"],
    queryFn: () => client.listWorkspaces({ query: { limit: 200 } }),
    enabled: me.isSuccess,
  });
  if (isLoggedOut(me.error)) return <LoginPage />;
  const error = me.error ?? workspaces.error;
  if (error !== null) {
    return (
      <main className="alone">
        <ErrorNotice error={error} />
      </main>
    );
  }
  if (!me.isSuccess || !workspaces.isSuccess) {
    return (
      <main className="alone">
        <Skeleton />
      </main>
    );
  }
  return <Shell me={me.data} workspaces={workspaces.data.items} />;
}

const isLoggedOut = (error: unknown): boolean =>
  error instanceof PlatformError && (error.code === "TOKEN_MISSING" || error.code === "TOKEN_UNKNOWN");
