/** Ajustes → Tokens de API: what programs sign in with. One's own; administrators see and revoke everybody's. */
import { Alert, Button, Group, Modal, MultiSelect, SegmentedControl, Select, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api, serverNow } from "../api/client";
import { fetchPage, keys } from "../api/queries";
import type { Token } from "../api/types";
import { type Translate, useLanguage, useT } from "../i18n";
import { fieldErrorsOf, useAct } from "../lib/act";
import { fullTime } from "../lib/time";
import { useMe } from "../session/session";
import { CopyText } from "../shell/copy";
import { Page } from "../shell/page";
import { Empty, Failed } from "../shell/states";
import classes from "./settings.module.css";

const GROUPS = ["conversations", "contacts", "channels", "teams", "users", "plugins", "tokens", "account"] as const;
const WHOLE = ["read", "write", "*"] as const;
const DAY = 86_400_000;

/** A scope in words; one that this interface does not know stays as it is. */
export function scopeTitle(scope: string, t: Translate): string {
  const whole = WHOLE.find((each) => each === scope);
  if (whole) return t(`tokens.access.${whole}`);
  const [group, verb] = scope.split(":");
  const known = GROUPS.find((each) => each === group);
  if (!known || (verb !== "read" && verb !== "write")) return scope;
  return t(`tokens.scope.${verb}`, { group: t(`tokens.group.${known}`) });
}

/** The token itself, which the server shows this once. */
function Made({ token, close }: { token: string; close: () => void }) {
  const t = useT();
  return (
    <Stack>
      <Alert color="amber">{t("tokens.made.detail")}</Alert>
      <div className={classes.webhook}>
        <code data-testid="token">{token}</code>
        <CopyText text={token} />
      </div>
      <Group justify="flex-end">
        <Button onClick={close}>{t("common.close")}</Button>
      </Group>
    </Stack>
  );
}

function NewToken({ close }: { close: () => void }) {
  const t = useT();
  const [name, setName] = useState("");
  const [access, setAccess] = useState<string>("read");
  const [scopes, setScopes] = useState<string[]>([]);
  const [days, setDays] = useState("90");
  const [tried, setTried] = useState(false);
  const asked = access === "some" ? scopes : [access];
  const create = useAct(
    () => api.post<Token>("/tokens", { name: name.trim(), scopes: asked, expires_at: days === "never" ? null : new Date(serverNow() + Number(days) * DAY).toISOString() }),
    { stale: [keys.tokens] },
  );
  const errors = fieldErrorsOf(create.error);
  const missing = (there: boolean) => (tried && !there ? t("form.required") : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (name.trim() && asked.length > 0) create.mutate(undefined);
  };
  const made = create.data?.token;
  return (
    <Modal opened onClose={close} closeOnClickOutside={!made} title={t(made ? "tokens.made" : "tokens.new")} closeButtonProps={{ "aria-label": t("common.close") }}>
      {made ? (
        <Made token={made} close={close} />
      ) : (
        <form onSubmit={submit} noValidate>
          <Stack gap="sm">
            <TextInput
              data-autofocus
              label={t("tokens.name")}
              required
              placeholder={t("tokens.name.placeholder")}
              value={name}
              maxLength={100}
              onChange={(event) => setName(event.currentTarget.value)}
              error={errors.name ?? missing(Boolean(name.trim()))}
            />
            <Select
              label={t("tokens.access")}
              data={[{ value: "read", label: t("tokens.access.read") }, { value: "*", label: t("tokens.access.*") }, { value: "some", label: t("tokens.access.some") }]}
              value={access}
              onChange={(value) => value && setAccess(value)}
              allowDeselect={false}
              error={access === "some" ? undefined : errors.scopes}
            />
            {access === "some" && (
              <MultiSelect
                label={t("tokens.scopes")}
                data={GROUPS.flatMap((group) => ["read", "write"].map((verb) => ({ value: `${group}:${verb}`, label: scopeTitle(`${group}:${verb}`, t) })))}
                value={scopes}
                onChange={setScopes}
                searchable
                error={errors.scopes ?? missing(scopes.length > 0)}
              />
            )}
            <Select
              label={t("tokens.expiry")}
              data={[...["30", "90", "365"].map((value) => ({ value, label: t("tokens.expiry.days", { n: Number(value) }) })), { value: "never", label: t("tokens.expiry.never") }]}
              value={days}
              onChange={(value) => value && setDays(value)}
              allowDeselect={false}
              error={errors.expires_at}
            />
            <Group justify="flex-end" mt="xs">
              <Button variant="default" onClick={close}>
                {t("common.cancel")}
              </Button>
              <Button type="submit" loading={create.isPending}>
                {t("tokens.create")}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

function Revoke({ token, close }: { token: Token; close: () => void }) {
  const t = useT();
  const revoke = useAct(() => api.delete(`/tokens/${token.id}`), { stale: [keys.tokens], said: t("tokens.revoked"), then: close });
  return (
    <Modal opened onClose={close} title={t("tokens.revoke.title", { name: token.name })} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Text mb="md">{t("tokens.revoke.detail")}</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={close} data-autofocus>
          {t("common.cancel")}
        </Button>
        <Button color="brick" loading={revoke.isPending} onClick={() => revoke.mutate(undefined)}>
          {t("tokens.revoke")}
        </Button>
      </Group>
    </Modal>
  );
}

function Row({ token, owner, revoke }: { token: Token; owner: boolean; revoke: () => void }) {
  const { t, locale } = useLanguage();
  const { expires_at, last_used_at } = token;
  const ended = expires_at ? Date.parse(expires_at) <= serverNow() : false;
  const end = expires_at ? t(ended ? "tokens.ended" : "tokens.until", { time: fullTime(expires_at, locale) }) : t("tokens.forever");
  const used = last_used_at ? t("tokens.used", { time: fullTime(last_used_at, locale) }) : t("tokens.unused");
  return (
    <li>
      <div className={classes.row}>
        <KeyRound size={20} aria-hidden style={{ flex: "none" }} />
        <span className={classes.rowText}>
          <strong>{token.name}</strong>
          <small>{[owner && token.user.name, token.scopes.map((scope) => scopeTitle(scope, t)).join(", ")].filter(Boolean).join(" · ")}</small>
          <small>{`${used} · ${end}`}</small>
        </span>
        <Button size="compact-md" variant="subtle" color="brick" style={{ flex: "none" }} aria-label={`${t("tokens.revoke")}: ${token.name}`} onClick={revoke}>
          {t("tokens.revoke")}
        </Button>
      </div>
    </li>
  );
}

export function Tokens() {
  const t = useT();
  const me = useMe();
  const [all, setAll] = useState(false);
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const tokens = useInfiniteQuery({
    queryKey: [...keys.tokens, all],
    queryFn: ({ pageParam, signal }) => fetchPage<Token>("/tokens", { all, limit: 50, after: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const items = tokens.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title={t("settings.tokens")}
      lead={t("tokens.lead")}
      actions={
        <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => setCreating(true)}>
          {t("tokens.new")}
        </Button>
      }
    >
      {me.user.role === "admin" && (
        <SegmentedControl
          mb="md"
          aria-label={t("tokens.whose")}
          value={all ? "all" : "mine"}
          onChange={(value) => setAll(value === "all")}
          data={[{ value: "mine", label: t("tokens.mine") }, { value: "all", label: t("tokens.all") }]}
        />
      )}
      {tokens.isPending && <Skeleton height={120} radius="md" />}
      {tokens.isError && items.length === 0 && <Failed error={tokens.error} retry={() => void tokens.refetch()} />}
      {tokens.isSuccess && items.length === 0 && <Empty icon={<KeyRound size={24} />} title={t("tokens.empty")} detail={t("tokens.empty.detail")} />}
      <ul className={classes.list} hidden={items.length === 0}>
        {items.map((token) => (
          <Row key={token.id} token={token} owner={all} revoke={() => setRevoking(token)} />
        ))}
      </ul>
      {tokens.hasNextPage && (
        <Button variant="subtle" fullWidth mt="sm" loading={tokens.isFetchingNextPage} onClick={() => void tokens.fetchNextPage()}>
          {t("common.more")}
        </Button>
      )}
      {creating && <NewToken close={() => setCreating(false)} />}
      {revoking && <Revoke token={revoking} close={() => setRevoking(null)} />}
    </Page>
  );
}
