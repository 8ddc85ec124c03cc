/** Transferring a conversation to a team, or to somebody in it, with a note. */
import { Button, Group, Modal, Select, Stack, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { teamsQuery } from "../api/queries";
import type { Conversation } from "../api/types";
import { useT } from "../i18n";
import { useReport } from "../shell/report";
import { useChange } from "./changes";

export function Transfer({ conversation, close, gone }: { conversation: Conversation; close: () => void; gone: () => void }) {
  const t = useT();
  const report = useReport();
  const teams = useQuery(teamsQuery);
  const [team, setTeam] = useState<string | null>(null);
  const [agent, setAgent] = useState<string | null>(null);
  const [note, setNote] = useState("");
  const [tried, setTried] = useState(false);
  const members = teams.data?.find((each) => each.id === team)?.members ?? [];
  const change = useChange(conversation.id, () => {
    const to = members.find((each) => each.user_id === agent)?.name ?? teams.data?.find((each) => each.id === team)?.name ?? "";
    report.done(t("transfer.done", { name: to }));
    close();
    gone();
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (team) change.mutate({ verb: "transfer", team_id: team, agent_id: agent ?? undefined, note: note.trim() || undefined });
  };
  return (
    <Modal opened onClose={close} title={t("transfer.title")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <form onSubmit={submit}>
        <Stack>
          <Select
            data-autofocus
            label={t("transfer.team")}
            withAsterisk
            placeholder={t("transfer.team.pick")}
            data={(teams.data ?? []).map((each) => ({ value: each.id, label: each.name }))}
            value={team}
            onChange={(value) => {
              setTeam(value);
              setAgent(null);
            }}
            searchable
            error={tried && !team ? t("transfer.missing") : undefined}
          />
          <Select
            label={t("transfer.agent")}
            placeholder={t("transfer.agent.any")}
            data={members.map((each) => ({
              value: each.user_id,
              label: each.available ? each.name : `${each.name} (${t("profile.unavailable").toLowerCase()})`,
            }))}
            value={agent}
            onChange={setAgent}
            disabled={!team}
            clearable
          />
          <Textarea
            label={t("transfer.note")}
            placeholder={t("transfer.note.placeholder")}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
            autosize
            minRows={3}
            maxRows={8}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={change.isPending}>
              {t("transfer.submit")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
