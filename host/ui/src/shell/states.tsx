/** What a screen shows when it has nothing else to show: waiting, failure, emptiness. */
import { Button, Center, Loader, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { CloudOff } from "lucide-react";
import { Component, type ReactNode } from "react";
import { ApiError } from "../api/client";
import { useT } from "../i18n";
import { explain } from "./report";

export function Waiting({ full }: { full?: boolean }) {
  const t = useT();
  return (
    <Center h={full ? "100%" : undefined} py="xl" role="status" aria-label={t("common.loading")}>
      <Loader size="sm" type="dots" />
    </Center>
  );
}

export function Empty({ icon, title, detail, action }: { icon: ReactNode; title: string; detail?: string; action?: ReactNode }) {
  return (
    <Stack align="center" gap={6} py={48} px="lg" ta="center">
      <ThemeIcon size={52} radius="xl" variant="light" aria-hidden>
        {icon}
      </ThemeIcon>
      <Text fw={600} mt={6}>
        {title}
      </Text>
      {detail && (
        <Text size="sm" c="dimmed" maw={320}>
          {detail}
        </Text>
      )}
      {action}
    </Stack>
  );
}

export function Failed({ error, retry, full }: { error: unknown; retry?: () => void; full?: boolean }) {
  const t = useT();
  const hopeless = error instanceof ApiError && (error.code === "denied" || error.code === "not_found");
  return (
    <Center h={full ? "100%" : undefined} role="alert">
      <Empty
        icon={<CloudOff size={24} />}
        title={t("error.title")}
        detail={explain(error, t)}
        action={
          retry &&
          !hopeless && (
            <Button variant="light" mt="sm" onClick={retry}>
              {t("common.retry")}
            </Button>
          )
        }
      />
    </Center>
  );
}

function Crash() {
  const t = useT();
  return (
    <Center h="100%" role="alert">
      <Stack align="center" gap="xs" p="xl" ta="center">
        <Title order={2}>{t("error.crash")}</Title>
        <Text c="dimmed">{t("error.crash.detail")}</Text>
        <Button onClick={() => location.reload()}>{t("error.reload")}</Button>
      </Stack>
    </Center>
  );
}

/** Keeps a fault in one screen from taking the shell with it. */
export class Boundary extends Component<{ children: ReactNode; fallback?: ReactNode }, { broken: boolean }> {
  override state = { broken: false };
  static getDerivedStateFromError() {
    return { broken: true };
  }
  override render() {
    return this.state.broken ? (this.props.fallback ?? <Crash />) : this.props.children;
  }
}
