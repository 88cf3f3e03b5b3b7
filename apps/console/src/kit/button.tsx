import type { ComponentProps } from "react";
import { Link } from "wouter";
import { Icon, type IconName } from "./icon.tsx";

interface Looks {
  readonly look?: "primary" | "danger" | "quiet";
  readonly small?: boolean;
  readonly icon?: IconName;
}

const classOf = ({ look, small, iconOnly }: Looks & { readonly iconOnly: boolean }): string =>
  ["button", look, small && "small", iconOnly && "icon-only"].filter(Boolean).join(" ");

export function Button({ look, small, icon, children, className, ...rest }: Looks & ComponentProps<"button">) {
  const names = [classOf({ look, small, iconOnly: children === undefined }), className].filter(Boolean).join(" ");
  return (
    <button type="button" {...rest} className={names}>
      {icon && <Icon name={icon} size={small ? 15 : 16} />}
      {children}
    </button>
  );
}

interface LinkLooks extends Looks {
  readonly href: string;
  readonly children: React.ReactNode;
}

export function LinkButton({ look, small, icon, href, children }: LinkLooks) {
  return (
    <Link href={href} className={classOf({ look, small, iconOnly: false })}>
      {icon && <Icon name={icon} size={small ? 15 : 16} />}
      {children}
    </Link>
  );
}
