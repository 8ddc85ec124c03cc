/** The one outbox of this page, tied to the server and the cache. It outlives the conversation screen, so leaving does not lose a message. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { api, isOvertaken, newKey, serverNow } from "../api/client";
import { useLive } from "../api/live";
import { keys, putMessage } from "../api/queries";
import type { Message } from "../api/types";
import { type Translate, useT } from "../i18n";
import { useMe } from "../session/session";
import { explain, mayPass } from "../shell/report";
import { readKept, writeKept } from "./drafts";
import { Outbox, type OutboxServices } from "./outbox";

/** By cache and by who is signed in: nobody sends what another has written. */
const outboxes = new WeakMap<QueryClient, Map<string, Outbox>>();
let words: Translate | null = null;

function outboxOf(client: QueryClient, user: string): Outbox {
  const own = outboxes.get(client) ?? new Map<string, Outbox>();
  outboxes.set(client, own);
  let outbox = own.get(user);
  if (!outbox) {
    const services: OutboxServices = {
      post: async (pending) => {
        const { conversation_id: conversation, text, files, reply_to, key, voice, kind = "text", extra } = pending;
        try {
          return await api.post<Message>(
            `/conversations/${conversation}/messages`,
            { kind, text, extra, attachments: files.map((file) => file.id), reply_to: reply_to?.id, private: pending.private, voice },
            key,
          );
        } catch (error) {
          // Somebody else was faster: show how things really stand.
          if (isOvertaken(error)) void client.invalidateQueries({ queryKey: keys.conversation(conversation) });
          throw error;
        }
      },
      taken: (message) => {
        putMessage(client, message);
        // A first reply starts the conversation, which moves it to another folder.
        void client.invalidateQueries({ queryKey: keys.conversation(message.conversation_id) });
        void client.invalidateQueries({ queryKey: keys.lists });
        void client.invalidateQueries({ queryKey: keys.counters });
      },
      explain: (error) => ({ text: words ? explain(error, words) : String(error), passes: mayPass(error) }),
      key: newKey,
      now: serverNow,
      keep: (all) => writeKept(user, all),
    };
    outbox = new Outbox(services, readKept(user));
    own.set(user, outbox);
  }
  return outbox;
}

export function useOutbox(): Outbox {
  words = useT();
  const me = useMe();
  return outboxOf(useQueryClient(), me.user.id);
}

/** Sends what waits for a connection as soon as there is one, wherever in the screens one is. */
export function useResuming(): void {
  const outbox = useOutbox();
  const { connected } = useLive();
  useEffect(() => {
    const resume = () => outbox.resumeAll();
    if (connected) resume();
    window.addEventListener("online", resume);
    return () => window.removeEventListener("online", resume);
  }, [connected, outbox]);
}

export function usePending(conversation: string) {
  const outbox = useOutbox();
  return useSyncExternalStore(outbox.subscribe, () => outbox.of(conversation));
}
