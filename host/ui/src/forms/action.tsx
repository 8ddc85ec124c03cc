/** Runs an app's action: shows its form if it has one, invokes it, and does what the outcome says. */
import { Alert, Button, Modal, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { ApiError, api } from "../api/client";
import { keys } from "../api/queries";
import type { Outcome, PluginAction, PluginForm, Subject } from "../api/types";
import { useLanguage } from "../i18n";
import { explain, mayPass, useReport } from "../shell/report";
import { AppForm, FormWaiting } from "./form";
import { fieldErrors, fileOf, linkOf, nextForm } from "./outcome";
import classes from "./forms.module.css";
import { titleOf } from "./schema";

interface Props {
  action: PluginAction;
  about: Subject | null;
  close: () => void;
  /** Given to `invoke` where the action has no form of its own, as a view's button gives. */
  values?: Values;
}

type Values = Record<string, unknown>;

/** A form that was answered, to go back to; `next` null: the action's own. */
interface Step {
  next: PluginForm | null;
  said: string;
  values: Values;
}

function download(file: { name: string; blob: Blob }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file.blob);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

export function ActionDialog({ action, about, close, values: given }: Props) {
  const { t, locale } = useLanguage();
  const report = useReport();
  const client = useQueryClient();
  const navigate = useNavigate();
  const path = `/actions/${encodeURIComponent(action.plugin_id)}/${encodeURIComponent(action.action)}`;
  const [next, setNext] = useState<PluginForm | null>(null);
  const [said, setSaid] = useState("");
  const [past, setPast] = useState<Step[]>([]);
  /** What the form shown had been filled in with before one went on from it. */
  const [filled, setFilled] = useState<Values | null>(null);
  const [round, setRound] = useState(0);
  const first = useQuery({
    queryKey: ["action-form", path, about],
    queryFn: () => api.post<PluginForm | null>(`${path}/form`, { about }),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    refetchOnWindowFocus: false,
  });
  const invoke = useMutation({
    mutationFn: (values: Values) => api.post<Outcome>(`${path}/invoke`, { about, values }),
    onSuccess: (outcome, values) => take(outcome, values),
    onError: (error) => {
      if (!(error instanceof ApiError && error.errors)) report.failure(error);
    },
  });

  function take(outcome: Outcome, values: Values) {
    if (outcome.kind === "form" || outcome.kind === "errors") {
      const following = nextForm(outcome);
      setSaid(outcome.text);
      if (following) {
        if (form) setPast([...past, { next, said, values }]);
        show(following, null);
      }
      return;
    }
    const link = outcome.kind === "open" ? linkOf(outcome) : null;
    const file = outcome.kind === "file" ? fileOf(outcome) : null;
    if (outcome.text) report.done(outcome.text);
    for (const queryKey of [keys.conversations, ["timeline"], keys.actions, keys.views, ["view"], ["contacts"]]) void client.invalidateQueries({ queryKey });
    close();
    if (file) download(file);
    else if (link?.startsWith("/")) void navigate(link);
    else if (link) window.open(link, "_blank", "noopener,noreferrer");
  }

  function show(form: PluginForm | null, values: Values | null) {
    setNext(form);
    setFilled(values);
    setRound((now) => now + 1);
  }

  function back() {
    const step = past.at(-1);
    if (!step) return;
    setPast(past.slice(0, -1));
    setSaid(step.said);
    invoke.reset();
    show(step.next, step.values);
  }

  const form = next ?? first.data;
  // Without a form the action runs at once, and only once.
  const ran = useRef(false);
  const formless = first.isSuccess && !first.data;
  useEffect(() => {
    if (!formless || ran.current) return;
    ran.current = true;
    invoke.mutate(given ?? {});
  }, [formless, invoke, given]);

  const outcomeErrors = invoke.data?.kind === "errors" ? fieldErrors(invoke.data) : undefined;
  const errors = outcomeErrors ?? (invoke.error instanceof ApiError ? invoke.error.errors : undefined);
  const title = (next && titleOf(next.schema, locale)) ?? action.title;
  const wide = form ? Object.values((form.schema.properties ?? {}) as Record<string, { oneOf?: unknown[] }>).some((each) => (each?.oneOf?.length ?? 0) > 4) : false;
  return (
    <Modal opened onClose={close} title={title} size={wide ? "lg" : "md"} closeButtonProps={{ "aria-label": t("common.close") }}>
      {first.isPending && <FormWaiting />}
      {first.isError && (
        <Stack>
          <Alert color="brick">{explain(first.error, t)}</Alert>
          {mayPass(first.error) ? (
            <Button variant="light" loading={first.isFetching} onClick={() => void first.refetch()}>
              {t("common.retry")}
            </Button>
          ) : (
            <Button variant="default" onClick={close}>
              {t("common.close")}
            </Button>
          )}
        </Stack>
      )}
      {formless && (
        <Stack>
          {invoke.isPending && <FormWaiting />}
          {invoke.isError && <Alert color="brick">{explain(invoke.error, t)}</Alert>}
        </Stack>
      )}
      {form && (
        <>
          {said && (
            <Text mb="sm" className={classes.said} c={invoke.data?.kind === "errors" ? "var(--bad-text)" : undefined} role="alert">
              {said}
            </Text>
          )}
          <AppForm
            key={round}
            schema={form.schema}
            ui={form.ui}
            values={{ ...form.values, ...given, ...filled }}
            errors={errors}
            // The title names the action where it begins; once the app has asked on, the title is the app's and the button says what comes of it.
            submit={next ? action.title : t("common.continue")}
            busy={invoke.isPending}
            onSubmit={(values) => invoke.mutate(values)}
            beside={
              <>
                {past.length > 0 && (
                  <Button variant="subtle" color="gray" mr="auto" disabled={invoke.isPending} onClick={back}>
                    {t("common.back")}
                  </Button>
                )}
                <Button variant="default" onClick={close}>
                  {t("common.cancel")}
                </Button>
              </>
            }
          />
        </>
      )}
    </Modal>
  );
}
