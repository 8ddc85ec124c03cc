/** Draws what apps contribute to a slot, in the host's own look (the vocabulary is in `tree.ts`). */
import { Badge, Button, Card, Divider, Group, Skeleton, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { useState } from "react";
import { api } from "../api/client";
import { keys, viewsQuery } from "../api/queries";
import type { PluginAction, PluginView, Subject } from "../api/types";
import { ActionDialog } from "../forms/action";
import { useT } from "../i18n";
import { bars, children, nodes, records, text, type ViewNode } from "./tree";
import classes from "./views.module.css";

const TONES: Record<string, string> = { good: "leaf", warn: "amber", bad: "brick", neutral: "gray" };

interface Act {
  action: string;
  title: string;
  about: Subject | null;
  values?: Record<string, unknown>;
}

interface DrawProps {
  node: ViewNode;
  act: (act: Act) => void;
  about: Subject | null;
}

function subject(value: unknown, fallback: Subject | null): Subject | null {
  const { kind, id } = (value ?? {}) as Partial<Subject>;
  return typeof kind === "string" && typeof id === "string" ? { kind, id } : fallback;
}

function List({ node }: { node: ViewNode }) {
  const t = useT();
  const items = records(node.items);
  if (items.length === 0) return <Text c="dimmed">{t("view.empty")}</Text>;
  const Tag = node.ordered ? "ol" : "ul";
  return (
    <Tag className={classes.list}>
      {items.map((item, index) => (
        <li key={index} data-marker={item.marker === true || undefined} data-dimmed={item.dimmed === true || undefined} aria-current={item.marker === true ? "true" : undefined}>
          {item.marker === true && <ArrowRight size={16} aria-hidden className={classes.arrow} />}
          <span className={classes.itemText}>
            {text(item.title)}
            {text(item.detail) && <small>{text(item.detail)}</small>}
          </span>
          {text(item.badge) && (
            <Badge variant="light" color={TONES[text(item.tone)] ?? "gray"}>
              {text(item.badge)}
            </Badge>
          )}
        </li>
      ))}
    </Tag>
  );
}

function DataTable({ node }: { node: ViewNode }) {
  const columns = records(node.columns);
  return (
    <Table.ScrollContainer minWidth={Math.max(240, columns.length * 110)}>
      <Table striped>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column, index) => (
              <Table.Th key={index} ta={column.align === "right" ? "right" : undefined}>
                {text(column.title)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {records(node.rows).map((row, index) => (
            <Table.Tr key={index}>
              {columns.map((column, place) => (
                <Table.Td key={place} ta={column.align === "right" ? "right" : undefined} className="tabular">
                  {text(row[text(column.key)])}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Chart({ node }: { node: ViewNode }) {
  const unit = text(node.unit);
  return (
    <figure className={classes.chart}>
      {text(node.title) && <figcaption>{text(node.title)}</figcaption>}
      {bars(node.points).map((bar) => (
        <div key={bar.label} className={classes.barRow}>
          <span className="truncate">{bar.label}</span>
          <span className={classes.track} aria-hidden>
            <span style={{ width: `${bar.share * 100}%` }} />
          </span>
          <span className="tabular">
            {bar.value}
            {unit && ` ${unit}`}
          </span>
        </div>
      ))}
    </figure>
  );
}

function Draw({ node, act, about }: DrawProps) {
  const inner = () => children(node).map((each, index) => <Draw key={index} node={each} act={act} about={about} />);
  switch (node.type) {
    case "text":
      return (
        <Text fw={node.style === "title" || node.style === "strong" ? 650 : undefined} size={node.style === "title" ? "lg" : undefined} c={node.style === "dimmed" ? "dimmed" : undefined}>
          {text(node.text)}
        </Text>
      );
    case "divider":
      return <Divider />;
    case "field":
      return (
        <Group justify="space-between" wrap="nowrap">
          <Text c="dimmed">{text(node.label)}</Text>
          <Text ta="right">{text(node.value)}</Text>
        </Group>
      );
    case "badge":
      return (
        <Badge variant="light" color={TONES[text(node.tone)] ?? "gray"}>
          {text(node.text)}
        </Badge>
      );
    case "list":
      return <List node={node} />;
    case "table":
      return <DataTable node={node} />;
    case "chart":
      return <Chart node={node} />;
    case "button":
      return (
        <Button
          variant={node.style === "primary" ? "filled" : "default"}
          color={node.style === "danger" ? "brick" : undefined}
          w="fit-content"
          onClick={() =>
            act({
              action: text(node.action),
              title: text(node.title),
              about: subject(node.about, about),
              values: node.values && typeof node.values === "object" ? (node.values as Record<string, unknown>) : undefined,
            })
          }
        >
          {text(node.title)}
        </Button>
      );
    case "link":
      return /^https:\/\//.test(text(node.url)) ? (
        <a href={text(node.url)} target="_blank" rel="noreferrer noopener">
          {text(node.title) || text(node.url)}
        </a>
      ) : null;
    case "row":
      return <Group gap="sm">{inner()}</Group>;
    case "card":
      return (
        <Card withBorder padding="sm">
          {text(node.title) && (
            <Text fw={650} mb="xs">
              {text(node.title)}
            </Text>
          )}
          <Stack gap="xs">{inner()}</Stack>
        </Card>
      );
    case "stack":
      return <Stack gap="xs">{inner()}</Stack>;
    default: {
      const words = text(node.text) || text(node.title);
      return words ? <Text>{words}</Text> : null;
    }
  }
}

export function PluginViewPanel({ view, about }: { view: PluginView; about: Subject | null }) {
  const t = useT();
  const [acting, setActing] = useState<Act | null>(null);
  const tree = useQuery({
    queryKey: [...keys.views, "tree", view.plugin_id, view.view, about],
    queryFn: () => api.post<{ tree: unknown }>(`/views/${encodeURIComponent(view.plugin_id)}/${encodeURIComponent(view.view)}`, { about, parameters: {} }),
  });
  if (tree.isPending) return <Skeleton height={80} />;
  if (tree.isError) return <Text c="dimmed">{t("view.failed")}</Text>;
  const action: PluginAction | null = acting && { plugin_id: view.plugin_id, action: acting.action, title: acting.title };
  return (
    <Stack gap="xs">
      {nodes(tree.data.tree).map((node, index) => (
        <Draw key={index} node={node} about={about} act={setActing} />
      ))}
      {action && acting && <ActionDialog action={action} about={acting.about} values={acting.values} close={() => setActing(null)} />}
    </Stack>
  );
}

/** Every view of a slot under its title; nothing where there is none. */
export function PluginViews({ slot, about, plugin }: { slot: string; about: Subject | null; /** Only this app's. */ plugin?: string }) {
  const views = useQuery(viewsQuery(slot, about));
  const shown = (views.data ?? []).filter((view) => !plugin || view.plugin_id === plugin);
  return shown.map((view) => (
    <section key={`${view.plugin_id}/${view.view}`} className={classes.view}>
      <h3>{view.title}</h3>
      <PluginViewPanel view={view} about={about} />
    </section>
  ));
}
