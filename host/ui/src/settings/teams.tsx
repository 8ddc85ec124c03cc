/** Ajustes → Equipes: who serves, who supervises, who is away, and what apps add (the distribution's order). */
import { ActionIcon, Badge, Button, Drawer, Group, Menu, Modal, Select, Skeleton, Stack, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, CircleCheck, CircleMinus, Plus, Trash2, UsersRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { actionsQuery, keys, teamsQuery, usersQuery } from "../api/queries";
import { api } from "../api/client";
import type { PluginAction, Team, TeamMember } from "../api/types";
import { Face } from "../desk/face";
import { ActionDialog } from "../forms/action";
import { useT } from "../i18n";
import { fieldErrorsOf, useAct } from "../lib/act";
import { useMe } from "../session/session";
import { Page } from "../shell/page";
import { Empty, Failed } from "../shell/states";
import { PluginViews } from "../views/plugin-views";
import { readName, useField } from "./field";
import { Hours } from "./hours/hours";
import { Discard, unlessCovered } from "./leaving";
import classes from "./settings.module.css";
import { TeamApps } from "./team-apps";

const STALE = [keys.teams, keys.users, keys.views, keys.session];

function Availability({ team, member, admin }: { team: Team; member: TeamMember; admin: boolean }) {
  const t = useT();
  const change = useAct((available: boolean) => api.patch(`/teams/${team.id}/members/${member.user_id}`, { available }), { stale: STALE });
  const state = t(member.available ? "profile.available" : "profile.unavailable");
  const icon = member.available ? <CircleCheck size={20} color="var(--good-text)" aria-hidden /> : <CircleMinus size={20} color="var(--warn-text)" aria-hidden />;
  const label = t("teams.member.availability", { name: member.name, state });
  if (!admin) return <span title={state} role="img" aria-label={label}>{icon}</span>;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={label} title={state} loading={change.isPending}>
          {icon}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<CircleCheck size={16} />} onClick={() => change.mutate(true)}>
          {t("profile.available")}
        </Menu.Item>
        <Menu.Item leftSection={<CircleMinus size={16} />} onClick={() => change.mutate(false)}>
          {t("profile.unavailable")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Before somebody leaves a team: what they serve there goes to others. */
function Remove({ team, member, close }: { team: Team; member: TeamMember; close: () => void }) {
  const t = useT();
  const { name, user_id } = member;
  const remove = useAct(() => api.delete(`/teams/${team.id}/members/${user_id}`), { stale: STALE });
  return (
    <Modal opened onClose={close} title={t("teams.member.remove.title", { name, team: team.name })} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Text mb="md">{t("teams.member.remove.detail", { name })}</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={close} data-autofocus>
          {t("common.cancel")}
        </Button>
        <Button color="brick" loading={remove.isPending || remove.isSuccess} onClick={() => remove.mutate(undefined)}>
          {t("common.remove")}
        </Button>
      </Group>
    </Modal>
  );
}

function Member({ team, member, admin }: { team: Team; member: TeamMember; admin: boolean }) {
  const t = useT();
  const setRole = useAct((role: string) => api.put(`/teams/${team.id}/members/${member.user_id}`, { role }), { stale: STALE });
  const [removing, setRemoving] = useState(false);
  return (
    <li className={`${classes.row} ${classes.member}`}>
      <Face name={member.name} seed={member.user_id} size={32} />
      <span className={classes.rowText}>
        <strong>{member.name}</strong>
        {!member.available && <small>{t("profile.unavailable")}</small>}
      </span>
      <Availability team={team} member={member} admin={admin} />
      {admin ? (
        <>
          <Select
            w={132}
            size="xs"
            aria-label={t("teams.member.role", { name: member.name })}
            data={[
              { value: "agent", label: t("role.agent") },
              { value: "supervisor", label: t("role.supervisor") },
            ]}
            value={member.role}
            allowDeselect={false}
            disabled={setRole.isPending}
            onChange={(role) => role && role !== member.role && setRole.mutate(role)}
          />
          <ActionIcon className={classes.remove} aria-label={t("teams.member.remove", { name: member.name })} onClick={() => setRemoving(true)}>
            <Trash2 size={16} />
          </ActionIcon>
          {/* Gone as soon as the member is. */}
          {removing && <Remove team={team} member={member} close={() => setRemoving(false)} />}
        </>
      ) : (
        <Badge variant="light" color="gray">
          {t(`role.${member.role}`)}
        </Badge>
      )}
    </li>
  );
}

function AddMember({ team }: { team: Team }) {
  const t = useT();
  const users = useQuery(usersQuery);
  const [user, setUser] = useState<string | null>(null);
  const add = useAct((id: string) => api.put(`/teams/${team.id}/members/${id}`, { role: "agent" }), { stale: STALE, then: () => setUser(null) });
  const others = (users.data ?? []).filter((each) => each.active && !team.members.some((member) => member.user_id === each.id));
  if (others.length === 0) return null;
  return (
    <Group align="flex-end" wrap="nowrap">
      <Select
        flex={1}
        label={t("teams.member.add")}
        placeholder={t("teams.member.pick")}
        data={others.map((each) => ({ value: each.id, label: each.name }))}
        value={user}
        onChange={setUser}
        searchable
      />
      <Button variant="light" disabled={!user} loading={add.isPending} onClick={() => user && add.mutate(user)}>
        {t("common.add")}
      </Button>
    </Group>
  );
}

function TeamDrawer({ team, close, admin }: { team: Team; close: () => void; admin: boolean }) {
  const t = useT();
  const about = { kind: "team", id: team.id };
  const actions = useQuery(actionsQuery("team.menu", about));
  const [acting, setActing] = useState<PluginAction | null>(null);
  const [asking, setAsking] = useState(false);
  const name = useField({ of: `/teams/${team.id}`, field: "name", stored: team.name, read: readName, show: (text) => text, stale: keys.teams });
  const leave = async () => {
    if (await name.save(true)) close();
    else setAsking(true);
  };
  return (
    <Drawer opened onClose={unlessCovered(() => void leave())} position="right" size="lg" title={team.name} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Stack>
        {admin && <TextInput label={t("teams.name")} maxLength={80} {...name.input} />}
        {actions.data && actions.data.length > 0 && (
          <Group gap="xs">
            {actions.data.map((action) => (
              <Button key={`${action.plugin_id}/${action.action}`} variant="default" onClick={() => setActing(action)}>
                {action.title}
              </Button>
            ))}
          </Group>
        )}
        {team.members.length === 0 ? (
          <Text c="dimmed">{t("teams.members.none")}</Text>
        ) : (
          <ul className={classes.list}>
            {team.members.map((member) => (
              <Member key={member.user_id} team={team} member={member} admin={admin} />
            ))}
          </ul>
        )}
        {admin && <AddMember team={team} />}
        <Hours of={`/teams/${team.id}`} name={team.name} lead={t("hours.lead.team")} none={t("hours.always")} admin={admin} />
        <div>
          {admin && <TeamApps team={team.id} />}
          <PluginViews slot="team.settings" about={about} />
        </div>
      </Stack>
      {acting && <ActionDialog action={acting} about={about} close={() => setActing(null)} />}
      {asking && <Discard stay={() => setAsking(false)} leave={close} />}
    </Drawer>
  );
}

function NewTeam({ close }: { close: () => void }) {
  const t = useT();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [tried, setTried] = useState(false);
  const create = useAct(() => api.post<Team>("/teams", { name: name.trim() }), {
    stale: [keys.teams],
    said: t("teams.created"),
    then: (team) => void navigate(`/settings/teams/${team.id}`),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (name.trim()) create.mutate(undefined);
  };
  return (
    <Modal opened onClose={close} title={t("teams.new")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <form onSubmit={submit} noValidate>
        <TextInput
          data-autofocus
          label={t("teams.name")}
          required
          placeholder={t("teams.name.placeholder")}
          value={name}
          maxLength={80}
          onChange={(event) => setName(event.currentTarget.value)}
          error={fieldErrorsOf(create.error).name ?? (tried && !name.trim() ? t("form.required") : undefined)}
        />
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={close}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t("teams.new")}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

export function Teams() {
  const t = useT();
  const me = useMe();
  const navigate = useNavigate();
  const { id } = useParams();
  const teams = useQuery(teamsQuery);
  const admin = me.user.role === "admin";
  const close = () => void navigate("/settings/teams");
  const open = teams.data?.find((each) => each.id === id);
  const create = admin && (
    <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => navigate("/settings/teams/new")}>
      {t("teams.new")}
    </Button>
  );
  return (
    <Page title={t("settings.teams")} lead={t("teams.lead")} actions={teams.data?.length ? create : undefined}>
      {teams.isPending && <Skeleton height={140} radius="md" />}
      {teams.isError && <Failed error={teams.error} retry={() => void teams.refetch()} />}
      {teams.data?.length === 0 && <Empty icon={<UsersRound size={24} />} title={t("teams.empty")} detail={t("teams.empty.detail")} action={create} />}
      {teams.data && teams.data.length > 0 && (
        <ul className={classes.list}>
          {teams.data.map((team) => (
            <li key={team.id}>
              <UnstyledButton className={classes.row} onClick={() => navigate(`/settings/teams/${team.id}`)}>
                <span className={classes.rowText}>
                  <strong>{team.name}</strong>
                  <small>{[t("teams.members", { n: team.members.length }), ...team.members.slice(0, 4).map((each) => each.name)].join(" · ")}</small>
                </span>
                <ChevronRight size={18} aria-hidden />
              </UnstyledButton>
            </li>
          ))}
        </ul>
      )}
      {admin && id === "new" && <NewTeam close={close} />}
      {open && <TeamDrawer key={open.id} team={open} close={close} admin={admin} />}
    </Page>
  );
}
