/** The profile menu: availability, language, theme, sign-out. */
import { Avatar, Indicator, Menu, SegmentedControl, Text, useMantineColorScheme } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ChevronsUpDown, CircleUserRound, Keyboard, LogOut } from "lucide-react";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { Locale } from "../api/types";
import { useLanguage } from "../i18n";
import { initials } from "../lib/text";
import { useChangeMe, useMe } from "../session/session";
import { useReport } from "./report";
import classes from "./shell.module.css";

export function Profile({ compact, openHelp }: { compact?: boolean; openHelp: () => void }) {
  const { t, locale, setLocale } = useLanguage();
  const me = useMe();
  const report = useReport();
  const client = useQueryClient();
  const change = useChangeMe();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const signOut = useMutation({
    mutationFn: () => api.delete("/session"),
    onSuccess: () => {
      client.setQueryData(keys.session, null);
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
    },
    onError: (error) => report.failure(error),
  });
  const { available, name } = me.user;
  const setAvailable = (now: boolean) =>
    change.mutate({ available: now }, { onSuccess: () => report.done(t(now ? "profile.nowAvailable" : "profile.nowUnavailable")) });
  const setLanguage = (value: string) => {
    setLocale(value as Locale);
    change.mutate({ locale: value });
  };

  return (
    <Menu position={compact ? "top-end" : "right-end"} width={272} closeOnItemClick={false} keepMounted={false} withinPortal>
      <Menu.Target>
        {compact ? (
          <button type="button" className={classes.barLink} aria-label={t("profile.menu", { name })}>
            <Indicator disabled={available} color="amber" size={8} offset={2} h={20}>
              <CircleUserRound size={20} aria-hidden />
            </Indicator>
            {t("nav.profile")}
          </button>
        ) : (
          <button type="button" className={classes.profile} aria-label={t("profile.menu", { name })}>
            <Avatar size={32} radius="xl" color="petrol" variant="filled" aria-hidden>
              {initials(name)}
            </Avatar>
            <span className={classes.who}>
              <span className="truncate">{name}</span>
              <small>
                <span className={classes.dot} data-on={available || undefined} />
                {t(available ? "profile.available" : "profile.unavailable")}
              </small>
            </span>
            <ChevronsUpDown size={16} aria-hidden />
          </button>
        )}
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--text)">
            {name}
          </Text>
          {me.workspace.name} · {t(`role.${me.user.role}`)}
        </Menu.Label>
        <Menu.CheckboxItem checked={available} onChange={setAvailable} closeMenuOnClick={false} color={available ? "leaf" : undefined}>
          {t("profile.available")}
        </Menu.CheckboxItem>
        <Menu.Divider />
        <Menu.Label>{t("profile.language")}</Menu.Label>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-label={t("profile.language")}
          value={locale}
          onChange={setLanguage}
          data={[
            { value: "pt-BR", label: "Português" },
            { value: "en", label: "English" },
          ]}
        />
        <Menu.Label mt={4}>{t("profile.theme")}</Menu.Label>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-label={t("profile.theme")}
          value={colorScheme}
          onChange={(value) => setColorScheme(value as "light" | "dark" | "auto")}
          data={[
            { value: "light", label: t("profile.theme.light") },
            { value: "dark", label: t("profile.theme.dark") },
            { value: "auto", label: t("profile.theme.auto") },
          ]}
        />
        <Menu.Divider mt={8} />
        <Menu.Item closeMenuOnClick leftSection={<Keyboard size={16} />} onClick={openHelp}>
          {t("profile.shortcuts")}
        </Menu.Item>
        <Menu.Item leftSection={<LogOut size={16} />} onClick={() => signOut.mutate()} disabled={signOut.isPending}>
          {t("profile.signout")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
