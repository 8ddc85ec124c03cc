/** The desk: the list of a folder beside the conversation that is open; on a phone, one or the other. */
import { Center } from "@mantine/core";
import { MessageCircle } from "lucide-react";
import { Navigate, useNavigate, useParams } from "react-router";
import type { Folder } from "../api/types";
import { useT } from "../i18n";
import { useKeys, useTitle } from "../lib/hooks";
import { useFolders, usePhone } from "../shell/shell";
import { Boundary, Empty } from "../shell/states";
import { ConversationScreen } from "./conversation";
import classes from "./desk.module.css";
import { ConversationList } from "./list";

export function Desk() {
  const t = useT();
  const phone = usePhone();
  const navigate = useNavigate();
  const folders = useFolders();
  const { folder, id } = useParams();
  const known = folders.find((each) => each.folder === folder);
  useTitle(`${known ? t(known.title) : t("nav.desk")} · ${t("app.name")}`);
  const goTo = (place: number) => () => {
    const target = folders[place];
    if (target) void navigate(`/desk/${target.folder}`);
  };
  useKeys({ "1": goTo(0), "2": goTo(1), "3": goTo(2), "4": goTo(3) });
  if (!known) return <Navigate to="/desk/queued" replace />;
  const current: Folder = known.folder;
  return (
    <div className={classes.desk}>
      {!(phone && id) && <ConversationList key={current} folder={current} selected={id} />}
      {id ? (
        <Boundary key={id}>
          <ConversationScreen id={id} folder={current} />
        </Boundary>
      ) : (
        !phone && (
          <Center className={classes.nothing}>
            <Empty icon={<MessageCircle size={24} />} title={t("list.pick")} detail={t("list.pick.detail")} />
          </Center>
        )
      )}
    </div>
  );
}
