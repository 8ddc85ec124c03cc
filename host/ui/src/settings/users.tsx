/** Ajustes → Usuários: who signs in, and with which role. */
import { Badge, Button, Group, Modal, MultiSelect, PasswordInput, Select, Skeleton, Stack, Switch, TextInput, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api } from "../api/client";
import { keys, teamsQuery, usersQuery } from "../api/queries";
import type { Role, User } from "../api/types";
import { Face } from "../desk/face";
import { type Key, useT } from "../i18n";
import { fieldErrorsOf, useAct } from "../lib/act";
import { useMe } from "../session/session";
import { Page } from "../shell/page";
import { useReport } from "../shell/report";
import { Failed } from "../shell/states";
import classes from "./settings.module.css";

const SHORTEST_PASSWORD = 10;

interface Draft {
  name: string;
  email: string;
  role: Role;
  password: string;
  active: boolean;
}

/** What keeps a draft from being sent, per field; `isNew` users need an address and a password. */
export function draftErrors(draft: Draft, isNew: boolean): Partial<Record<keyof Draft, Key>> {
  const errors: Partial<Record<keyof Draft, Key>> = {};
  const email = draft.email.trim();
  if (!draft.name.trim()) errors.name = "form.required";
  if (isNew && !/^[^\s@]+@[^\s@.-]([^\s@]*[^\s@.-])?$/.test(email)) errors.email = email ? "users.email.wrong" : "form.required";
  if (isNew || draft.password) {
    if ([...draft.password].length < SHORTEST_PASSWORD) errors.password = "users.password.short";
    else if (draft.password.toLowerCase() === email.toLowerCase()) errors.password = "users.password.email";
  }
  return errors;
}

function UserDialog({ user, close }: { user: User | null; close: () => void }) {
  const t = useT();
  const me = useMe();
  const [draft, setDraft] = useState<Draft>({ name: user?.name ?? "", email: user?.email ?? "", role: user?.role ?? "agent", password: "", active: user?.active ?? true });
  const teams = useQuery(teamsQuery);
  const [joining, setJoining] = useState<string[]>([]);
  const report = useReport();
  const [tried, setTried] = useState(false);
  const save = useAct(
    async () => {
      const { name, email, role, password, active } = draft;
      if (user) {
        await api.patch<User>(`/users/${user.id}`, { name: name.trim(), role, active, ...(password ? { password } : {}) });
        return [];
      }
      const { id } = await api.post<User>("/users", { name: name.trim(), email: email.trim(), role, password });
      const joined = await Promise.allSettled(joining.map((team) => api.put(`/teams/${team}/members/${id}`, { role: role === "agent" ? "agent" : "supervisor" })));
      return joining.filter((_team, index) => joined[index]?.status === "rejected");
    },
    {
      stale: [keys.users, keys.teams, keys.session],
      said: t(user ? "common.saved" : "users.created"),
      then: (left) => {
        const names = (teams.data ?? []).filter((each) => left.includes(each.id)).map((each) => each.name);
        if (left.length > 0) report.refused(t("users.teams.failed", { name: draft.name.trim(), teams: names.join(", ") }));
        close();
      },
    },
  );
  const wrong = tried ? draftErrors(draft, !user) : {};
  const refused = fieldErrorsOf(save.error);
  const edit = (change: Partial<Draft>) => setDraft((now) => ({ ...now, ...change }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(draftErrors(draft, !user)).length === 0) save.mutate(undefined);
  };
  const own = user?.id === me.user.id;
  return (
    <Modal opened onClose={close} title={t(user ? "users.edit" : "users.new")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <TextInput
            data-autofocus
            label={t("users.name")}
            required
            value={draft.name}
            onChange={(event) => edit({ name: event.currentTarget.value })}
            maxLength={100}
            error={refused.name ?? (wrong.name && t(wrong.name))}
          />
          <TextInput
            label={t("users.email")}
            required={!user}
            type="email"
            autoComplete="off"
            value={draft.email}
            disabled={user !== null}
            onChange={(event) => edit({ email: event.currentTarget.value })}
            error={refused.email ?? (wrong.email && t(wrong.email))}
          />
          <Select
            label={t("users.role")}
            data={(["agent", "supervisor", "admin"] as const).map((role) => ({ value: role, label: t(`role.${role}`) }))}
            value={draft.role}
            allowDeselect={false}
            // Taking away one's own administration would lock everybody out of the settings.
            disabled={own}
            error={refused.role}
            onChange={(role) => role && edit({ role: role as Role })}
          />
          {!user && teams.data && teams.data.length > 0 && (
            <MultiSelect
              label={t("settings.teams")}
              description={draft.role !== "admin" && joining.length === 0 ? t("users.teams.none") : undefined}
              data={teams.data.map((each) => ({ value: each.id, label: each.name }))}
              value={joining}
              onChange={setJoining}
              searchable
            />
          )}
          <PasswordInput
            label={t(user ? "users.password.new" : "users.password")}
            required={!user}
            description={[user && t("users.password.keep"), t("users.password.hint", { n: SHORTEST_PASSWORD })].filter(Boolean).join(" · ")}
            autoComplete="new-password"
            value={draft.password}
            onChange={(event) => edit({ password: event.currentTarget.value })}
            error={refused.password ?? (wrong.password && t(wrong.password, { n: SHORTEST_PASSWORD }))}
          />
          {user && !own && (
            <Switch
              label={t("users.active")}
              description={draft.active ? undefined : t("users.deactivate.detail")}
              checked={draft.active}
              onChange={(event) => edit({ active: event.currentTarget.checked })}
            />
          )}
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={close}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

export function Users() {
  const t = useT();
  const me = useMe();
  const navigate = useNavigate();
  const { id } = useParams();
  const users = useQuery(usersQuery);
  const admin = me.user.role === "admin";
  const open = users.data?.find((each) => each.id === id);
  const close = () => void navigate("/settings/users");
  return (
    <Page
      title={t("settings.users")}
      lead={t("users.lead")}
      actions={
        admin && (
          <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => navigate("/settings/users/new")}>
            {t("users.new")}
          </Button>
        )
      }
    >
      {users.isPending && <Skeleton height={180} radius="md" />}
      {users.isError && <Failed error={users.error} retry={() => void users.refetch()} />}
      <ul className={classes.list} hidden={!users.data}>
        {users.data?.map((user) => (
          <li key={user.id}>
            <UnstyledButton className={classes.row} onClick={() => navigate(`/settings/users/${user.id}`)} disabled={!admin}>
              <Face name={user.name} seed={user.id} size={34} />
              <span className={classes.rowText}>
                <strong>{user.name}</strong>
                {user.email && <small>{user.email}</small>}
              </span>
              {!user.active ? (
                <Badge variant="light" color="gray">
                  {t("users.inactive")}
                </Badge>
              ) : (
                !user.available && (
                  <Badge variant="light" color="amber">
                    {t("profile.unavailable")}
                  </Badge>
                )
              )}
              <Badge variant="outline" color="gray">
                {t(`role.${user.role}`)}
              </Badge>
              {admin && <ChevronRight size={18} aria-hidden />}
            </UnstyledButton>
          </li>
        ))}
      </ul>
      {admin && (id === "new" || open) && <UserDialog key={id} user={open ?? null} close={close} />}
    </Page>
  );
}
