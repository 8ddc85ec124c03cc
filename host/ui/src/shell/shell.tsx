/** The frame of every screen: navigation with the folders and their live counters, the profile, the notice of a lost connection. */
import { Kbd, Modal, Stack, Table } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { CheckCheck, Inbox, LayoutGrid, MessagesSquare, Settings as Cog, Users, WifiOff } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { NavLink, useLocation, useMatch } from "react-router";
import { useLive } from "../api/live";
import { countersQuery } from "../api/queries";
import type { Counters, Folder } from "../api/types";
import { type Key, useT } from "../i18n";
import { useResuming } from "../desk/use-outbox";
import { useKeys } from "../lib/hooks";
import { seesOthers, useMe } from "../session/session";
import { Logo } from "./logo";
import { Profile } from "./profile";
import classes from "./shell.module.css";

export const FOLDERS: { folder: Folder; title: Key; icon: typeof Inbox }[] = [
  { folder: "queued", title: "folder.queued", icon: Inbox },
  { folder: "mine", title: "folder.mine", icon: MessagesSquare },
  { folder: "others", title: "folder.others", icon: Users },
  { folder: "concluded", title: "folder.concluded", icon: CheckCheck },
];

/** The folders this person has: Outros is for supervisors and admins. */
export function useFolders() {
  const me = useMe();
  return seesOthers(me) ? FOLDERS : FOLDERS.filter((each) => each.folder !== "others");
}

/** Above 999 the exact number helps nobody and breaks the layout. */
export function shortCount(count: number): string {
  return count > 999 ? "999+" : String(count);
}

export function FolderLinks({ counters, vertical }: { counters: Counters | undefined; vertical?: boolean }) {
  const t = useT();
  const folders = useFolders();
  const list = useRef<HTMLUListElement>(null);
  // On a narrow phone the last folder lies beyond the edge. The braces matter: newer browsers' `scrollIntoView` gives a promise, which is no clean-up.
  const { pathname } = useLocation();
  useEffect(() => {
    list.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [pathname]);
  return (
    <ul ref={list} className={vertical ? classes.folders : classes.tabs} aria-label={t("folder.list")}>
      {folders.map(({ folder, title, icon: Icon }) => {
        const count = counters?.[folder];
        return (
          <li key={folder}>
            <NavLink
              to={`/desk/${folder}`}
              className={vertical ? classes.folder : classes.tab}
              title={vertical ? t(title) : undefined}
              aria-label={typeof count === "number" ? t("folder.count", { name: t(title), n: count }) : t(title)}
            >
              <Icon size={18} aria-hidden />
              <span className={classes.folderName}>{t(title)}</span>
              {typeof count === "number" && (
                <span className={classes.count} data-urgent={folder === "queued" && count > 0 ? true : undefined} data-testid={`count-${folder}`}>
                  {shortCount(count)}
                </span>
              )}
            </NavLink>
          </li>
        );
      })}
    </ul>
  );
}

function Offline() {
  const t = useT();
  const { connected } = useLive();
  const [late, setLate] = useState(false);
  // A connection that comes back within two seconds is not worth a banner.
  useEffect(() => {
    if (connected) {
      setLate(false);
      return;
    }
    const wait = setTimeout(() => setLate(true), 2000);
    return () => clearTimeout(wait);
  }, [connected]);
  return (
    <div role="status" aria-live="polite">
      {late && (
        <div className={classes.offline}>
          <WifiOff size={16} aria-hidden /> {t("offline.banner")}
        </div>
      )}
    </div>
  );
}

function Shortcuts({ opened, close }: { opened: boolean; close: () => void }) {
  const t = useT();
  const rows: [Key, string[]][] = [
    ["help.search", ["/"]],
    ["help.move", ["↑", "↓"]],
    ["help.open", ["Enter"]],
    ["help.folders", ["1", "2", "3", "4"]],
    ["help.reply", ["R"]],
    ["help.note", ["N"]],
    ["help.send", ["Enter"]],
    ["help.break", ["Shift", "Enter"]],
    ["help.escape", ["Esc"]],
    ["help.help", ["?"]],
  ];
  return (
    <Modal opened={opened} onClose={close} title={t("help.title")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Table verticalSpacing={6}>
        <Table.Tbody>
          {rows.map(([text, pressed]) => (
            <Table.Tr key={text}>
              <Table.Td>{t(text)}</Table.Td>
              <Table.Td ta="right">
                {pressed.map((key) => (
                  <Kbd key={key} ml={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}

export function usePhone(): boolean {
  return useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false }) ?? false;
}

export function Shell({ children }: { children: ReactNode }) {
  const t = useT();
  const me = useMe();
  const [helping, help] = useDisclosure(false);
  const phone = usePhone();
  const onDesk = useLocation().pathname.startsWith("/desk");
  const inConversation = useMatch("/desk/:folder/:id") !== null;
  const counters = useQuery(countersQuery);
  useKeys({ "?": help.open });
  useResuming();
  const admin = me.user.role === "admin";

  return (
    <div className={classes.shell} data-conversation={inConversation || undefined}>
      <a href="#content" className="skip">
        {t("common.skip")}
      </a>
      <nav className={classes.nav} aria-label={t("nav.main")}>
        {phone ? (
          <div className={classes.bar}>
            <NavLink to="/desk/queued" className={`${classes.barLink} ${onDesk ? classes.active : ""}`}>
              <Inbox size={20} aria-hidden />
              {t("nav.desk")}
            </NavLink>
            {admin && (
              <NavLink to="/apps" className={classes.barLink}>
                <LayoutGrid size={20} aria-hidden />
                {t("nav.apps")}
              </NavLink>
            )}
            <NavLink to="/settings" className={classes.barLink}>
              <Cog size={20} aria-hidden />
              {t("nav.settings")}
            </NavLink>
            <Profile compact openHelp={help.open} />
          </div>
        ) : (
          <Stack gap={0} h="100%">
            <div className={classes.brand}>
              <Logo size={28} />
            </div>
            <div className={classes.heading}>{t("nav.desk")}</div>
            <FolderLinks counters={counters.data} vertical />
            <div className={classes.rule} />
            <ul className={classes.folders}>
              {admin && (
                <li>
                  <NavLink to="/apps" className={classes.folder} title={t("nav.apps")}>
                    <LayoutGrid size={18} aria-hidden />
                    <span className={classes.folderName}>{t("nav.apps")}</span>
                  </NavLink>
                </li>
              )}
              <li>
                <NavLink to="/settings" className={classes.folder} title={t("nav.settings")}>
                  <Cog size={18} aria-hidden />
                  <span className={classes.folderName}>{t("nav.settings")}</span>
                </NavLink>
              </li>
            </ul>
            <div className={classes.foot}>
              <Profile openHelp={help.open} />
            </div>
          </Stack>
        )}
      </nav>
      <main id="content" className={classes.content} tabIndex={-1}>
        <Offline />
        <div className={classes.screen}>{children}</div>
      </main>
      <Shortcuts opened={helping} close={help.close} />
    </div>
  );
}
