/** Which screen: the sign-in, or the shell with the desk, the apps and the settings. */
import { MantineThemeProvider } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useMemo } from "react";
import { Navigate, Route, Routes } from "react-router";
import { LiveProvider } from "./api/live";
import { sessionQuery } from "./api/queries";
import { Desk } from "./desk/desk";
import { nearestLocale, useLanguage } from "./i18n";
import { SignIn } from "./session/sign-in";
import { SessionContext } from "./session/session";
import { Boundary, Failed, Waiting } from "./shell/states";
import { Shell } from "./shell/shell";

// Agents live in the desk; what administrators open now and then is loaded then.
const Apps = lazy(() => import("./apps/apps"));
const Settings = lazy(() => import("./settings/settings"));

export function App() {
  const { t } = useLanguage();
  // Words that the library would say in English.
  const spoken = useMemo(() => ({ components: { PasswordInput: { defaultProps: { visibilityToggleButtonProps: { "aria-label": t("form.reveal") } } } } }), [t]);
  return (
    <MantineThemeProvider theme={spoken}>
      <Screens />
    </MantineThemeProvider>
  );
}

function Screens() {
  const { setLocale } = useLanguage();
  const session = useQuery(sessionQuery);
  const locale = session.data?.locale;
  useEffect(() => {
    if (locale) setLocale(nearestLocale(locale));
  }, [locale, setLocale]);

  if (session.isPending) return <Waiting full />;
  if (session.data === undefined) return <Failed error={session.error} retry={() => void session.refetch()} full />;
  if (session.data === null) return <SignIn />;
  return (
    <SessionContext value={session.data}>
      <LiveProvider>
        <Shell>
          <Boundary>
            <Suspense fallback={<Waiting full />}>
              <Routes>
                <Route path="/desk/:folder/:id?" element={<Desk />} />
                <Route path="/apps/:id?" element={<Apps />} />
                <Route path="/settings/:section?/:id?" element={<Settings />} />
                <Route path="*" element={<Navigate to="/desk/queued" replace />} />
              </Routes>
            </Suspense>
          </Boundary>
        </Shell>
      </LiveProvider>
    </SessionContext>
  );
}
