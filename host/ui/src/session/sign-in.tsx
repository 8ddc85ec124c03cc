/** The sign-in. */
import { Alert, Button, PasswordInput, SegmentedControl, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, api } from "../api/client";
import { keys } from "../api/queries";
import type { Locale, Me } from "../api/types";
import { useLanguage } from "../i18n";
import { Logo } from "../shell/logo";
import { explain } from "../shell/report";
import { languageToSave, noteChoice, takeChoice } from "./choice";
import classes from "./sign-in.module.css";

export function SignIn() {
  const { t, locale, setLocale } = useLanguage();
  const client = useQueryClient();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const signIn = useMutation({
    mutationFn: async () => {
      const me = await api.post<Me>("/session", { email: email.trim(), password });
      const language = languageToSave(me.locale, takeChoice());
      if (!language) return me;
      // Signing in has succeeded; where the choice cannot be saved it still holds for this visit.
      return api.patch<Me>("/me", { locale: language }).catch(() => ({ ...me, locale: language }));
    },
    onSuccess: (me) => {
      // What was cached belonged to whoever was here before.
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
      client.setQueryData(keys.session, me);
    },
  });
  const choose = (language: Locale) => {
    setLocale(language);
    noteChoice(language);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (email.trim() && password) signIn.mutate();
  };
  const refusal = signIn.error instanceof ApiError && signIn.error.status === 401 ? t("signin.wrong") : explain(signIn.error, t);
  return (
    <div className={classes.page}>
      <aside className={classes.side} aria-hidden>
        <Logo size={44} />
        <p className={classes.tagline}>{t("app.tagline")}</p>
        <div className={classes.counter} />
      </aside>
      <main className={classes.main}>
        <form onSubmit={submit} noValidate className={classes.form}>
          <Stack gap="md">
            <div className={classes.mobileLogo}>
              <Logo size={36} />
            </div>
            <div>
              <Title order={1}>{t("signin.title")}</Title>
              <Text c="dimmed" mt={4}>
                {t("signin.lead")}
              </Text>
            </div>
            {signIn.isError && (
              <Alert color="brick" role="alert">
                {refusal}
              </Alert>
            )}
            <TextInput
              label={t("signin.email")}
              type="email"
              name="email"
              autoComplete="username"
              size="md"
              autoFocus
              value={email}
              onChange={(event) => setEmail(event.currentTarget.value)}
              error={tried && !email.trim() ? t("signin.missing.email") : undefined}
            />
            <PasswordInput
              label={t("signin.password")}
              name="password"
              autoComplete="current-password"
              size="md"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              error={tried && !password ? t("signin.missing.password") : undefined}
            />
            <Button type="submit" size="md" loading={signIn.isPending}>
              {t("signin.submit")}
            </Button>
            <SegmentedControl
              size="xs"
              aria-label={t("signin.language")}
              value={locale}
              onChange={(value) => choose(value as Locale)}
              data={[
                { value: "pt-BR", label: "Português" },
                { value: "en", label: "English" },
              ]}
            />
          </Stack>
        </form>
      </main>
    </div>
  );
}
