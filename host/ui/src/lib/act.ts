/** A change on the server, told to people and followed by fetching again what it made old. */
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/client";
import { useReport } from "../shell/report";

interface Options<T> {
  stale: readonly QueryKey[];
  /** What to say when it worked. */
  said?: string;
  then?: (result: T) => void;
  /** Refusals that the screen itself tells of. */
  expected?: (error: unknown) => boolean;
}

export function useAct<V, T = unknown>(run: (values: V) => Promise<T>, { stale, said, then, expected }: Options<T>) {
  const client = useQueryClient();
  const report = useReport();
  return useMutation({
    mutationFn: run,
    onSuccess: (result) => {
      for (const queryKey of stale) void client.invalidateQueries({ queryKey });
      if (said) report.done(said);
      then?.(result);
    },
    onError: (error) => {
      // Errors of single fields are shown beside the fields.
      if (expected?.(error)) return;
      if (!(error instanceof ApiError && error.errors && Object.keys(error.errors).length > 0)) report.failure(error);
    },
  });
}

/** The server's words on single fields, after a refused change. */
export function fieldErrorsOf(error: unknown): Record<string, string> {
  return error instanceof ApiError ? (error.errors ?? {}) : {};
}
