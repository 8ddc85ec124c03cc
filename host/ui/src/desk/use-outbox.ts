/** The one outbox of this page, tied to the server and the cache. It outlives the conversation screen, so leaving does not lose a message. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { api, newKey, serverNow } from "../api/client";
import { keys, putMessage } from "../api/queries";
import type { Message } from "../api/types";
import { type Translate, useT } from "../i18n";
import { explain } from "../shell/report";
import { Outbox } from "./outbox";

const outboxes = new WeakMap<QueryClient, Outbox>();
let words: Translate | null = null;

function outboxOf(client: QueryClient): Outbox {
  let outbox = outboxes.get(client);
  if (!outbox) {
    outbox = new Outbox({
      post: (pending) =>
        api.post<Message>(
          `/conversations/${pending.conversation_id}/messages`,
          {
            kind: "text",
            text: pending.text,
            attachments: pending.files.map((file) => file.id),
            reply_to: pending.reply_to?.id,
            private: pending.private,
            voice: pending.voice,
          },
          pending.key,
        ),
      taken: (message) => {
        putMessage(client, message);
        // A first reply starts the conversation, which moves it to another folder.
        void client.invalidateQueries({ queryKey: keys.conversation(message.conversation_id) });
        void client.invalidateQueries({ queryKey: keys.lists });
        void client.invalidateQueries({ queryKey: keys.counters });
      },
      explain: (error) => (words ? explain(error, words) : String(error)),
      key: newKey,
      now: serverNow,
    });
    outboxes.set(client, outbox);
  }
  return outbox;
}

export function useOutbox(): Outbox {
  words = useT();
  return outboxOf(useQueryClient());
}

export function usePending(conversation: string) {
  const outbox = useOutbox();
  return useSyncExternalStore(outbox.subscribe, () => outbox.of(conversation));
}
