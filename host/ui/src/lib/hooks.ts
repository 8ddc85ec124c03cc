/** Small hooks that several screens share. */
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { serverNow } from "../api/client";

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let second = Math.floor(serverNow() / 1000);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    second = Math.floor(serverNow() / 1000);
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== undefined) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The server's time in milliseconds, renewed every second: one timer for all countdowns on the page. */
export function useSecond(): number {
  return useSyncExternalStore(subscribe, () => second) * 1000;
}

/** The server's time, renewed every minute: for "Hoje" and "Ontem". */
export function useMinute(): number {
  const minute = useSyncExternalStore(subscribe, () => Math.floor(second / 60));
  return minute * 60_000;
}

/** `value`, once it has stood still for `milliseconds`. */
export function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const wait = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(wait);
  }, [value, milliseconds]);
  return settled;
}

/** The tab's title, put back when the screen goes. */
export function useTitle(title: string): void {
  const before = useRef(document.title);
  useEffect(() => {
    const old = before.current;
    document.title = title;
    return () => {
      document.title = old;
    };
  }, [title]);
}

function editing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Keys for the whole page, ignored while somebody types, a dialog is open or a modifier is held. */
export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>): void {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    // Noted before anybody acts on the key: the dialog that it closes is gone by the time that it gets here.
    let covered = false;
    const onAnyKey = () => {
      covered = document.querySelector('[role="dialog"], [role="menu"]') !== null;
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (covered || editing(event.target)) return;
      const action = current.current[event.key];
      if (!action) return;
      event.preventDefault();
      action(event);
    };
    window.addEventListener("keydown", onAnyKey, true);
    document.addEventListener("keydown", onKey);
    return () => {
      window.removeEventListener("keydown", onAnyKey, true);
      document.removeEventListener("keydown", onKey);
    };
  }, []);
}

/** Leads to the first field that is marked as wrong, once the marks are drawn. */
export function focusFirstInvalid(within: HTMLElement | null): void {
  setTimeout(() => within?.querySelector<HTMLElement>('[aria-invalid="true"], [data-error] input')?.focus());
}
