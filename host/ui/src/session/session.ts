/** Who is signed in, for every screen below the sign-in. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { api } from "../api/client";
import { keys } from "../api/queries";
import type { Me } from "../api/types";
import { useReport } from "../shell/report";

export const SessionContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = useContext(SessionContext);
  if (!me) throw new Error("nobody is signed in");
  return me;
}

/** Teams' supervisors see Outros as well as supervisors and admins of the workspace. */
export function seesOthers(me: Me): boolean {
  return me.user.role !== "agent" || me.teams.some((team) => team.role === "supervisor");
}

export type MePatch = Partial<{ available: boolean; archive_immediately: boolean; locale: string; name: string }>;

/** Changes one's own preferences: shown at once, taken back when the server refuses. */
export function useChangeMe() {
  const client = useQueryClient();
  const report = useReport();
  return useMutation({
    mutationFn: (patch: MePatch) => api.patch<Me>("/me", patch),
    onMutate: (patch) => {
      const before = client.getQueryData<Me | null>(keys.session);
      client.setQueryData<Me | null>(keys.session, (me) => {
        if (!me) return me;
        const { available, name, ...own } = patch;
        return { ...me, ...own, user: { ...me.user, ...(available === undefined ? {} : { available }), ...(name === undefined ? {} : { name }) } };
      });
      return { before };
    },
    onError: (error, _patch, context) => {
      client.setQueryData(keys.session, context?.before);
      report.failure(error);
    },
    onSuccess: (me, patch) => {
      client.setQueryData(keys.session, me);
      // The server names apps and what they offer in the caller's language.
      if (patch.locale) void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
    },
  });
}
