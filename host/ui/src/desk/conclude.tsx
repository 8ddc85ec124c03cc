/** The Concluir button: concluding alone or by way of an app's action, and beside it the archive preference. */
import { Button, Group, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { CheckCheck, ChevronDown, Tag } from "lucide-react";
import { useState } from "react";
import { ActionDialog } from "../forms/action";
import { actionsQuery } from "../api/queries";
import type { Conversation, PluginAction } from "../api/types";
import { useT } from "../i18n";
import { useChangeMe, useMe } from "../session/session";
import { useReport } from "../shell/report";
import { usePhone } from "../shell/shell";
import { useChange } from "./changes";
import classes from "./conversation.module.css";

function ArchiveMenu({ up, variant }: { up?: boolean; variant: string }) {
  const t = useT();
  const me = useMe();
  const report = useReport();
  const change = useChangeMe();
  const choose = (archive_immediately: boolean) => change.mutate({ archive_immediately }, { onSuccess: () => report.done(t("conv.archive.saved")) });
  const option = (now: boolean) => (
    <Menu.RadioItem value={now ? "now" : "later"} closeMenuOnClick className={classes.option}>
      <strong>{t(now ? "conv.archive.now" : "conv.archive.later")}</strong>
      <span>{t(now ? "conv.archive.now.detail" : "conv.archive.later.detail")}</span>
    </Menu.RadioItem>
  );
  return (
    <Menu position={up ? "top-end" : "bottom-end"} width={300} withinPortal>
      <Menu.Target>
        <Button px={7} variant={variant} className={classes.splitArrow} aria-label={t("conv.conclude.options")}>
          <ChevronDown size={16} aria-hidden />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("conv.archive.title")}</Menu.Label>
        <Menu.RadioGroup value={me.archive_immediately ? "now" : "later"} onChange={(value) => choose(value === "now")}>
          {option(false)}
          {option(true)}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}

/** `up` where the button sits at the foot of the page, as it does in Novos. */
export function Conclude({ conversation, concluded, up }: { conversation: Conversation; concluded: () => void; up?: boolean }) {
  const t = useT();
  const report = useReport();
  const phone = usePhone();
  const [acting, setActing] = useState<PluginAction | null>(null);
  const about = { kind: "conversation", id: conversation.id };
  const actions = useQuery(actionsQuery("conversation.conclude", about));
  const change = useChange(conversation.id, () => {
    report.done(t("conv.concluded"));
    concluded();
  });
  const offered = actions.data ?? [];
  const plain = () => change.mutate({ verb: "conclude" });
  // In Novos the start is what people are here for; concluding stands back.
  const variant = up ? "default" : "filled";
  const button = {
    variant,
    className: classes.splitMain,
    loading: change.isPending,
    leftSection: phone ? undefined : <CheckCheck size={16} aria-hidden />,
    px: phone ? 12 : undefined,
    "data-testid": "conclude",
  };
  return (
    <Group gap={up ? 0 : 1} wrap="nowrap" className={classes.split}>
      {offered.length === 0 ? (
        <Button {...button} onClick={plain}>
          {t("conv.conclude")}
        </Button>
      ) : (
        <Menu position={up ? "top-end" : "bottom-end"} width={240} withinPortal>
          <Menu.Target>
            <Button {...button}>{t("conv.conclude")}</Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{t("conv.conclude.choose")}</Menu.Label>
            {offered.map((action) => (
              <Menu.Item key={`${action.plugin_id}/${action.action}`} leftSection={<Tag size={16} />} onClick={() => setActing(action)}>
                {action.title}
              </Menu.Item>
            ))}
            <Menu.Item leftSection={<CheckCheck size={16} />} onClick={plain}>
              {t("conv.conclude.plain")}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      <ArchiveMenu up={up} variant={variant} />
      {acting && (
        <ActionDialog action={acting} about={about} close={() => setActing(null)} />
      )}
    </Group>
  );
}
