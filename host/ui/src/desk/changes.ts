/** What people do to a conversation: start, conclude, reopen, transfer, mark as read. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, isOvertaken } from "../api/client";
import { keys, putConversation } from "../api/queries";
import type { Conversation } from "../api/types";
import { useReport } from "../shell/report";

export type Change =
  | { verb: "start" }
  | { verb: "conclude"; summary?: string }
  | { verb: "reopen" }
  | { verb: "transfer"; team_id: string; agent_id?: string; note?: string };

export function useChange(conversation: string, done?: (change: Change, conversation: Conversation) => void) {
  const client = useQueryClient();
  const report = useReport();
  return useMutation({
    mutationFn: ({ verb, ...body }: Change) => api.post<Conversation>(`/conversations/${conversation}/${verb}`, body),
    onSuccess: (changed, change) => {
      putConversation(client, changed);
      done?.(change, changed);
    },
    onError: (error) => {
      report.failure(error);
      // Somebody else was faster: show how things really stand.
      if (isOvertaken(error)) {
        void client.invalidateQueries({ queryKey: keys.conversations });
        void client.invalidateQueries({ queryKey: keys.timeline(conversation) });
      }
    },
  });
}

/** Marks as read; a failure is not worth a word, it will be tried again with the next message. */
export function useMarkRead() {
  const client = useQueryClient();
  const { mutate } = useMutation({
    mutationFn: (conversation: string) => api.post<Conversation>(`/conversations/${conversation}/read`),
    onSuccess: (changed) => {
      client.setQueryData(keys.conversation(changed.id), changed);
      void client.invalidateQueries({ queryKey: keys.lists });
    },
  });
  return mutate;
}
