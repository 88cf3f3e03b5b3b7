import type { CreateSession } from "@evenkeel/contracts/session";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { client, queries } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Field } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Quoted } from "../kit/quoted.tsx";
import { useWords } from "../locale/index.tsx";
import { LanguageButton, ThemeButton } from "../shell/switches.tsx";
import { tellOtherWindows } from "./other-windows.ts";
import "./login.css";

/** By a link that was made on the machine of the platform, or by an access token that is pasted. */
export function LoginPage() {
  const { t } = useWords();
  const [path, navigate] = useLocation();
  const goal = useRef("/");
  const [token, setToken] = useState("");
  const login = useMutation({
    mutationFn: (body: CreateSession) => client.createSession({ body }),
    onSuccess: async () => {
      // Whatever was read, was read by nobody, or by somebody else.
      await queries.resetQueries();
      tellOtherWindows();
      // Who was sent here from a page goes back to it.
      if (path === "/login") navigate(goal.current, { replace: true });
    },
  });
  useLink((link, to) => {
    goal.current = to;
    login.mutate({ link });
  });
  return (
    <main className="login">
      <div className="login-switches row tight">
        <LanguageButton />
        <ThemeButton />
      </div>
      <form
        className="card login-card"
        onSubmit={(event) => {
          event.preventDefault();
          login.mutate({ token: token.trim() });
        }}
      >
        <Mark />
        <h1>{t("login.title")}</h1>
        {login.isError && <ErrorNotice error={login.error} />}
        <Field label={t("login.token")} hint={<Quoted text={t("login.hint")} />}>
          {(id) => (
            <input
              id={id}
              className="input mono"
              type="password"
              autoComplete="current-password"
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          )}
        </Field>
        <Button type="submit" look="primary" disabled={login.isPending || token.trim() === ""}>
          {login.isPending ? t("login.link") : t("login.submit")}
        </Button>
      </form>
    </main>
  );
}

/** Takes the link out of the address before anything else: it must not stay in the history. */
function useLink(use: (link: string, to: string) => void): void {
  const used = useRef(false);
  const call = useRef(use);
  useEffect(() => {
    const given = new URLSearchParams(location.hash.slice(1));
    const link = given.get("link");
    if (link === null || used.current) return;
    used.current = true;
    history.replaceState(null, "", location.pathname);
    const to = given.get("to") ?? "/";
    // Only a page of the console: an address of elsewhere begins otherwise.
    call.current(link, /^\/(?![/\\])/.test(to) ? to : "/");
  }, []);
}

export function Mark({ size = 44 }: { readonly size?: number }) {
  return <img src={new URL("../mark.svg", import.meta.url).href} width={size} height={size} alt="" />;
}
