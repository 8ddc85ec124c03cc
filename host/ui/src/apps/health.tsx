/** How an app fares: whether it is called as usual, why not, and the faults it logged last. */
import { Alert, Badge, Skeleton, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { PluginHealthReport } from "../api/types";
import { useLanguage } from "../i18n";
import { fullTime } from "../lib/time";
import { Failed } from "../shell/states";
import classes from "./apps.module.css";
import { Lines } from "./logs";

export const HEALTH = {
  ok: { key: "apps.health.ok", colour: "leaf" },
  failing: { key: "apps.health.failing", colour: "brick" },
  off: { key: "apps.health.off", colour: "gray" },
} as const;

/** What the breaker noted, as far as it is of the shape that this interface knows. */
export function restOf(breaker: unknown): { until: string; reason: string } | null {
  if (!breaker || typeof breaker !== "object") return null;
  const { until, reason } = breaker as { until?: unknown; reason?: unknown };
  // Microseconds since 1970.
  if (typeof until !== "number" || !Number.isFinite(until)) return null;
  const date = new Date(until / 1000);
  if (Number.isNaN(date.getTime())) return null;
  return { until: date.toISOString(), reason: typeof reason === "string" ? reason : "" };
}

export function AppHealth({ id }: { id: string }) {
  const { t, locale } = useLanguage();
  const health = useQuery({ queryKey: [...keys.plugins, id, "health"], queryFn: ({ signal }) => api.get<PluginHealthReport>(`/plugins/${id}/health`, undefined, signal) });
  if (health.isPending) return <Skeleton height={120} />;
  if (health.isError) return <Failed error={health.error} retry={() => void health.refetch()} />;
  const { state, breaker, last_errors } = health.data;
  const rest = restOf(breaker);
  return (
    <section className={classes.box} aria-labelledby="app-health">
      <div className={classes.boxHead}>
        <h2 id="app-health">{t("apps.health")}</h2>
        <Badge variant="light" color={HEALTH[state].colour}>
          {t(HEALTH[state].key)}
        </Badge>
      </div>
      {rest && (
        <Alert color="brick" title={t("apps.resting")} mb="sm">
          <span className={classes.machine}>{rest.reason}</span>
          <br />
          {t("apps.resting.until", { time: fullTime(rest.until, locale) })}
        </Alert>
      )}
      {last_errors.length === 0 ? (
        <Text c="dimmed">{t("apps.errors.none")}</Text>
      ) : (
        <>
          <Text size="sm" fw={600} mb={6}>
            {t("apps.errors.last")}
          </Text>
          <Lines items={last_errors} />
        </>
      )}
    </section>
  );
}
