import type { ComponentProps } from "react";
import { Link } from "wouter";
import { Icon, type IconName } from "./icon.tsx";
import { useRefusal } from "./may.tsx";

interface Looks {
  readonly look?: "primary" | "danger" | "quiet";
  readonly small?: boolean;
  readonly icon?: IconName;
  /** The permission of what it leads to: who lacks it is told so, and nothing happens. */
  readonly needs?: string;
}

const classOf = ({ look, small, iconOnly }: Looks & { readonly iconOnly: boolean }): string =>
  ["button", look, small && "small", iconOnly && "icon-only"].filter(Boolean).join(" ");

export function Button({ look, small, icon, needs, children, className, ...rest }: Looks & ComponentProps<"button">) {
  const refusal = useRefusal(needs);
  const names = [classOf({ look, small, iconOnly: children === undefined }), className].filter(Boolean).join(" ");
  return (
    // It can be reached with the keys: only so is it heard why nothing happens.
    <button type="button" {...rest} {...(refusal !== null && refused(refusal))} className={names}>
      {icon && <Icon name={icon} size={small ? 15 : 16} />}
      {children}
    </button>
  );
}

const refused = (title: string) => ({ "aria-disabled": true, disabled: false, title, onClick: undefined });

interface LinkLooks extends Looks {
  readonly href: string;
  readonly children: React.ReactNode;
}

export function LinkButton({ look, small, icon, needs, href, children }: LinkLooks) {
  const refusal = useRefusal(needs);
  if (refusal !== null) return <Button {...{ look, small, icon, needs, children }} />;
  return (
    <Link href={href} className={classOf({ look, small, iconOnly: false })}>
      {icon && <Icon name={icon} size={small ? 15 : 16} />}
      {children}
    </Link>
  );
}
