/** What an app may do, in plain words. */
import { Text } from "@mantine/core";
import { ShieldCheck } from "lucide-react";
import type { Permission } from "../api/types";
import { useT } from "../i18n";
import classes from "./apps.module.css";

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
            {permission.detail.map((line) => (
              <small key={line}>{line}</small>
            ))}
          </span>
        </li>
      ))}
    </ul>
  );
}
