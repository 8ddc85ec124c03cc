/** What enabled apps let be set for one team, in a form of each app's own (FEATURES C1). Administrators only. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { fetchPage, keys } from "../api/queries";
import type { TeamApp } from "../api/types";
import { AppForm } from "../forms/form";
import { useT } from "../i18n";
import { fieldErrorsOf, useAct } from "../lib/act";
import { Failed } from "../shell/states";
import views from "../views/views.module.css";

function Settings({ team, app, queryKey }: { team: string; app: TeamApp; queryKey: readonly string[] }) {
  const t = useT();
  const save = useAct((values: Record<string, unknown>) => api.put<TeamApp>(`/teams/${team}/apps/${encodeURIComponent(app.plugin_id)}`, { values }), {
    stale: [queryKey, keys.plugins, keys.views],
    said: t("common.saved"),
  });
  return (
    <section className={views.view} aria-label={app.name}>
      <h3>{app.name}</h3>
      <AppForm
        key={JSON.stringify(app.values)}
        schema={app.schema}
        values={app.values}
        errors={fieldErrorsOf(save.error)}
        submit={t("common.save")}
        busy={save.isPending}
        onSubmit={(values) => save.mutate(values)}
      />
    </section>
  );
}

export function TeamApps({ team }: { team: string }) {
  const queryKey = [...keys.teams, team, "apps"];
  const apps = useQuery({ queryKey, queryFn: ({ signal }) => fetchPage<TeamApp>(`/teams/${team}/apps`, undefined, signal) });
  if (apps.isError) return <Failed error={apps.error} retry={() => void apps.refetch()} />;
  return apps.data?.items.map((app) => <Settings key={app.plugin_id} team={team} app={app} queryKey={queryKey} />);
}
