/** What an app may do, in plain words. */
import { Text } from "@mantine/core";
import { ShieldCheck } from "lucide-react";
import type { Permission } from "../api/types";
import { useT } from "../i18n";
import classes from "./apps.module.css";

/** One line for each host, secret or kind of event, where the server tells them apart. */
function lines(detail: unknown): string[] {
  const all: unknown[] = Array.isArray(detail) ? detail : [detail];
  return all.filter((line): line is string => typeof line === "string" && line !== "");
}

export function Permissions({ permissions }: { permissions: readonly Permission[] }) {
  const t = useT();
  if (permissions.length === 0) return <Text c="dimmed">{t("apps.permissions.none")}</Text>;
  return (
    <ul className={classes.permissions}>
      {permissions.map((permission) => (
        <li key={permission.code + permission.title}>
          <ShieldCheck size={17} aria-hidden />
          <span>
            {permission.title}
            {lines(permission.detail).map((line) => (
              <small key={line}>{line}</small>
            ))}
          </span>
        </li>
      ))}
    </ul>
  );
}
