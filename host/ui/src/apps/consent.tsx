/** Enabling an app: first what it may do, and only after consent its settings. Permissions are granted as a whole. */
import { Alert, Button, Checkbox, Group, Modal, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, api } from "../api/client";
import { keys } from "../api/queries";
import type { Plugin } from "../api/types";
import { AppForm } from "../forms/form";
import { useT } from "../i18n";
import { fieldErrorsOf, useAct } from "../lib/act";
import { Permissions } from "./permissions";

/** A channel's settings belong to each connected account; any other app's to the workspace. */
export function hasOwnSettings(plugin: Plugin): boolean {
  const properties = plugin.settings_schema?.properties;
  return plugin.kind !== "channel" && Boolean(properties) && Object.keys(properties as object).length > 0;
}

export function Consent({ plugin, close }: { plugin: Plugin; close: () => void }) {
  const t = useT();
  const client = useQueryClient();
  const [agreed, setAgreed] = useState(false);
  const [step, setStep] = useState<"consent" | "settings">("consent");
  const [changed, setChanged] = useState(false);
  const enable = useAct(
    (settings: Record<string, unknown> | undefined) =>
      api.post<Plugin>(`/plugins/${plugin.id}/enable`, { settings, granted: plugin.permissions.map((each) => each.code) }),
    { stale: [keys.plugins, keys.actions, keys.views], said: t("apps.enabled.done", { name: plugin.name }), then: close },
  );
  const run = (settings?: Record<string, unknown>) =>
    enable.mutate(settings, {
      onError: (error) => {
        // What was agreed to is not what the app asks for now: show the new list and ask again.
        if (!(error instanceof ApiError) || error.status !== 409) return;
        setChanged(true);
        setAgreed(false);
        setStep("consent");
        void client.invalidateQueries({ queryKey: keys.plugins });
      },
    });
  const onward = () => (hasOwnSettings(plugin) ? setStep("settings") : run());

  return (
    <Modal
      opened
      onClose={close}
      size="lg"
      title={step === "consent" ? t("apps.consent.title", { name: plugin.name }) : t("apps.consent.then")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      {step === "consent" ? (
        <Stack>
          {changed && <Alert color="amber">{t("apps.consent.changed")}</Alert>}
          {plugin.permissions.length > 0 && <Text>{t("apps.consent.lead", { name: plugin.name })}</Text>}
          <Permissions permissions={plugin.permissions} />
          {plugin.permissions.length > 0 && (
            <>
              <Text size="sm" c="dimmed">
                {t("apps.consent.all")}
              </Text>
              <Checkbox label={t("apps.consent.check")} checked={agreed} onChange={(event) => setAgreed(event.currentTarget.checked)} />
            </>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t("common.cancel")}
            </Button>
            <Button disabled={plugin.permissions.length > 0 && !agreed} loading={enable.isPending} onClick={onward}>
              {t(hasOwnSettings(plugin) ? "common.continue" : "apps.enable")}
            </Button>
          </Group>
        </Stack>
      ) : (
        <AppForm
          schema={plugin.settings_schema ?? {}}
          values={plugin.settings}
          secrets={plugin.secrets}
          errors={fieldErrorsOf(enable.error)}
          submit={t("apps.enable")}
          busy={enable.isPending}
          onSubmit={run}
          beside={
            <Button variant="default" onClick={() => setStep("consent")}>
              {t("common.back")}
            </Button>
          }
        />
      )}
    </Modal>
  );
}
