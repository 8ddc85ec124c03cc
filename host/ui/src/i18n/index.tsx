/**
 * Words by key, in the user's language. A typed dictionary instead of a library: two languages, interpolation, singular and plural are all that is
 * needed, and a key that one language lacks does not compile.
 */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import type { Locale } from "../api/types";
import { en } from "./en";
import { type Key, pt } from "./pt-BR";

export type { Key };
export type Values = Record<string, string | number>;
export type Translate = (key: Key, values?: Values) => string;

const dictionaries: Record<Locale, Record<Key, string>> = { "pt-BR": pt, en };

/** The text of `key`, with `{name}` replaced and the side of ` || ` chosen by `values.n`. */
export function translate(locale: Locale, key: Key, values?: Values): string {
  const [one = "", other = one] = dictionaries[locale][key].split(" || ");
  const text = values?.n === 1 ? one : other;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole)) : text;
}

/** The nearest language we speak. */
export function nearestLocale(wanted: string | null | undefined): Locale {
  return wanted?.toLowerCase().startsWith("en") ? "en" : "pt-BR";
}

const STORAGE = "balcao.locale";

function remembered(): Locale {
  try {
    return nearestLocale(localStorage.getItem(STORAGE) ?? navigator.language);
  } catch {
    return "pt-BR";
  }
}

interface Language {
  locale: Locale;
  setLocale: (locale: Locale) => void;
  t: Translate;
}

const Context = createContext<Language | null>(null);

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [locale, setLocale] = useState<Locale>(remembered);
  useEffect(() => {
    document.documentElement.lang = locale;
    try {
      localStorage.setItem(STORAGE, locale);
    } catch {
      // Private windows may refuse; the choice then lasts for this visit.
    }
  }, [locale]);
  const value = useMemo<Language>(() => ({ locale, setLocale, t: (key, values) => translate(locale, key, values) }), [locale]);
  return <Context value={value}>{children}</Context>;
}

export function useLanguage(): Language {
  const value = useContext(Context);
  if (!value) throw new Error("LanguageProvider is missing");
  return value;
}

export function useT(): Translate {
  return useLanguage().t;
}
