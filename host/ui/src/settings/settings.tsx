/** Ajustes: channels, teams, users, API tokens. Everyone may look at teams and has tokens of their own; only administrators change the rest. */
import { Alert } from "@mantine/core";
import { KeyRound, Plug, UserRound, UsersRound } from "lucide-react";
import { Navigate, NavLink, useParams } from "react-router";
import { type Key, useT } from "../i18n";
import { useTitle } from "../lib/hooks";
import { useMe } from "../session/session";
import { Channels } from "./channels";
import classes from "./settings.module.css";
import { Teams } from "./teams";
import { Tokens } from "./tokens";
import { Users } from "./users";

const SECTIONS: { id: string; title: Key; icon: typeof Plug; screen: () => React.ReactNode }[] = [
  { id: "channels", title: "settings.channels", icon: Plug, screen: Channels },
  { id: "teams", title: "settings.teams", icon: UsersRound, screen: Teams },
  { id: "users", title: "settings.users", icon: UserRound, screen: Users },
  { id: "tokens", title: "settings.tokens", icon: KeyRound, screen: Tokens },
];

export default function Settings() {
  const t = useT();
  const me = useMe();
  const { section } = useParams();
  const found = SECTIONS.find((each) => each.id === section);
  useTitle(`${found ? t(found.title) : t("settings.title")} · ${t("app.name")}`);
  if (!found) return <Navigate to={`/settings/${me.user.role === "admin" ? "channels" : "teams"}`} replace />;
  const Screen = found.screen;
  return (
    <div className={classes.settings}>
      <nav className={classes.sections} aria-label={t("settings.title")}>
        <p className={classes.title}>{t("settings.title")}</p>
        {SECTIONS.map(({ id, title, icon: Icon }) => (
          <NavLink key={id} to={`/settings/${id}`} className={classes.section}>
            <Icon size={17} aria-hidden />
            {t(title)}
          </NavLink>
        ))}
      </nav>
      <div className={classes.scroll}>
        {me.user.role !== "admin" && found.id !== "tokens" && (
          <Alert color="amber" m="md" mb={0}>
            {t("settings.adminOnly")}
          </Alert>
        )}
        <Screen />
      </div>
    </div>
  );
}
