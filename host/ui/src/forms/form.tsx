/** The schema form, fetched when the first one is shown. */
import { Skeleton, Stack } from "@mantine/core";
import { lazy, Suspense } from "react";
import type { SchemaFormProps } from "./schema-form";

const SchemaForm = lazy(() => import("./schema-form"));

export function FormWaiting() {
  return (
    <Stack aria-hidden>
      <Skeleton height={36} />
      <Skeleton height={36} />
      <Skeleton height={36} width="60%" />
    </Stack>
  );
}

export function AppForm(props: SchemaFormProps) {
  return (
    <Suspense fallback={<FormWaiting />}>
      <SchemaForm {...props} />
    </Suspense>
  );
}
