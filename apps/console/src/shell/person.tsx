import type { Api } from "@evenkeel/contracts/api";
import type { ReplyOf } from "@evenkeel/contracts/endpoint";
import { useMutation } from "@tanstack/react-query";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Icon } from "../kit/icon.tsx";
import { useToasts } from "../kit/toasts.tsx";
import { useWords } from "../locale/index.tsx";
import { tellOtherWindows } from "../session/other-windows.ts";

/** Who is logged in, and the way out. */
export function Person({ me }: { readonly me: ReplyOf<Api["whoAmI"]> }) {
  const { t } = useWords();
  const toasts = useToasts();
  const logout = useMutation({
    mutationFn: () => client.endSession(),
    // Nothing of what this person saw may stay in the page.
    onSuccess: () => {
      tellOtherWindows();
      location.replace("/login");
    },
    onError: (error) => toasts.fail(error),
  });
  return (
    <div className="row tight person">
      <Icon name="user" />
      <span className="cut" title={me.may.join(", ")}>
        {me.principal.name}
      </span>
      <Button
        look="quiet"
        icon="logout"
        aria-label={t("shell.logout")}
        title={t("shell.logout")}
        onClick={() => logout.mutate()}
      />
    </div>
  );
}
