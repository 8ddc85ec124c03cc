/** Starts the interface. */
import "@fontsource-variable/figtree/index.css";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./tokens.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { ApiError, onSessionOver } from "./api/client";
import { keys } from "./api/queries";
import { App } from "./app";
import { LanguageProvider } from "./i18n";
import { Boundary } from "./shell/states";
import { theme } from "./theme";

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
if (nonce) setNonce(nonce);

/** Asking again helps only where the server or the network was at fault. */
function worthRepeating(count: number, error: unknown): boolean {
  return count < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500);
}

const client: QueryClient = new QueryClient({
  defaultOptions: {
    queries: { retry: worthRepeating, staleTime: 15_000, refetchOnWindowFocus: true, networkMode: "always" },
    mutations: { retry: false, networkMode: "always" },
  },
});

// Asking for the session again shows the sign-in.
onSessionOver(() => void client.invalidateQueries({ queryKey: keys.session }));

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
        <QueryClientProvider client={client}>
          <LanguageProvider>
            <BrowserRouter>
              <Boundary>
                <App />
              </Boundary>
            </BrowserRouter>
            <Notifications zIndex={250} position="bottom-center" limit={3} autoClose={4000} className="notices" />
          </LanguageProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
