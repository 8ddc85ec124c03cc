/** A text field that saves itself, in a drawer that closes over nothing unsaved. */
import type { QueryKey } from "@tanstack/react-query";
import { type ChangeEvent, type KeyboardEvent, useRef, useState } from "react";
import { api } from "../api/client";
import { type Key, useT } from "../i18n";
import { fieldErrorsOf, useAct } from "../lib/act";

/** What a text says, or what is wrong with it. */
type Read<V> = { value: V; wrong?: undefined } | { value?: undefined; wrong: Key };

interface Field<V> {
  /** `/teams/{id}` or `/channels/{id}`, which that field is of. */
  of: string;
  field: string;
  stored: V;
  read: (text: string) => Read<V>;
  show: (value: V) => string;
  stale: QueryKey;
}

export function readName(text: string): Read<string> {
  const name = text.trim();
  return name ? { value: name } : { wrong: "form.required" };
}

/** One that is saved as one leaves it, presses Enter or closes the drawer. What is wrong or refused stays as typed, whatever else is saved meanwhile. */
export function useField<V>({ of, field, stored, read, show, stale }: Field<V>) {
  const t = useT();
  const change = useAct((value: V) => api.patch(of, { [field]: value }), { stale: [stale], said: t("common.saved") });
  const [text, setText] = useState(() => show(stored));
  const [tried, setTried] = useState(false);
  const { value, wrong } = read(text);
  // What was sent last, and whether the server took it.
  const sent = useRef({ value, taken: Promise.resolve(true) });
  /** Whether nothing is left unsaved; `again` sends once more what was refused. */
  const save = (again = false): Promise<boolean> => {
    setTried(true);
    if (wrong) return Promise.resolve(false);
    if (value !== sent.current.value || (again && change.isError)) {
      setText(show(value));
      const taken = change.mutateAsync(value).then(
        () => true,
        () => false,
      );
      sent.current = { value, taken };
    }
    return sent.current.taken;
  };
  const input = {
    value: text,
    error: tried && wrong ? t(wrong) : fieldErrorsOf(change.error)[field],
    onChange: (event: ChangeEvent<HTMLInputElement>) => setText(event.currentTarget.value),
    onBlur: () => void save(),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === "Enter") void save(true);
    },
  };
  return { save, input };
}
