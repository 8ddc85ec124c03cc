/** A place to send: typed, taken from a map's page, where one is, or one that was sent before. */
import { Button, Group, Input, Stack, TextInput } from "@mantine/core";
import { LocateFixed, MapPin } from "lucide-react";
import { useRef, useState } from "react";
import { useT } from "../../i18n";
import { useMe } from "../../session/session";
import { type Say, SayDialog } from "./dialog";
import { mapOf, pointOf, pointText } from "./point";
import { keepPlace, type Place, placeOf, recentPlaces } from "./recent";
import classes from "./say.module.css";

/** How long one waits to be found, in milliseconds. */
const FOUND_WITHIN = 15_000;

export function PlaceDialog({ say, close }: { say: Say; close: () => void }) {
  const t = useT();
  const { user } = useMe();
  const [name, setName] = useState("");
  const [address, setAddress] = useState("");
  const [where, setWhere] = useState("");
  const [tried, setTried] = useState(false);
  const [seeking, setSeeking] = useState(false);
  const [lost, setLost] = useState<string | null>(null);
  const [recent] = useState(() => recentPlaces(user.id));
  const point = pointOf(where);

  /** Whatever is written since one asked where one is, stands. */
  const asked = useRef(0);
  const write = (text: string) => {
    asked.current += 1;
    setWhere(text);
    setSeeking(false);
    setLost(null);
  };
  const fill = (place: Place) => {
    setName(place.name ?? "");
    setAddress(place.address ?? "");
    write(pointText(place));
  };
  const seek = () => {
    const now = (asked.current += 1);
    setSeeking(true);
    setLost(null);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        if (asked.current === now) write(pointText(coords));
      },
      (error) => {
        if (asked.current !== now) return;
        setSeeking(false);
        setLost(t(error.code === error.PERMISSION_DENIED ? "say.place.denied" : "say.place.lost"));
      },
      { enableHighAccuracy: true, timeout: FOUND_WITHIN },
    );
  };
  const submit = () => {
    setTried(true);
    const [place] = placeOf({ ...point, name: name.trim(), address: address.trim() });
    if (!place) return false;
    keepPlace(user.id, place);
    say({ kind: "location", extra: { ...place } });
    return true;
  };
  return (
    <SayDialog title={t("say.place.title")} close={close} submit={submit}>
      {recent.length > 0 && (
        <Stack gap={6}>
          <Input.Label component="div" labelElement="div" id="say-recent">
            {t("say.place.recent")}
          </Input.Label>
          <Group gap={6} role="group" aria-labelledby="say-recent">
            {recent.map((place) => (
              <Button key={JSON.stringify(place)} size="compact-sm" variant="default" className={classes.recent} leftSection={<MapPin size={14} aria-hidden />} onClick={() => fill(place)}>
                {place.name || place.address || pointText(place)}
              </Button>
            ))}
          </Group>
        </Stack>
      )}
      <TextInput
        data-autofocus
        label={t("say.place.where")}
        withAsterisk
        placeholder="-23.5503, -46.6339"
        autoComplete="off"
        value={where}
        onChange={(event) => write(event.currentTarget.value)}
        description={t("say.place.help")}
        error={lost ?? (tried && !point ? t(where.trim() ? "say.place.wrong" : "say.place.missing") : undefined)}
      />
      {(point || "geolocation" in navigator) && (
        <Group gap="xs" justify="space-between" className={classes.found}>
          {"geolocation" in navigator && (
            <Button size="compact-sm" variant="subtle" leftSection={<LocateFixed size={16} aria-hidden />} loading={seeking} onClick={seek}>
              {t("say.place.here")}
            </Button>
          )}
          {point && (
            <a href={mapOf(point)} target="_blank" rel="noreferrer noopener">
              {t("msg.map")}
            </a>
          )}
        </Group>
      )}
      <TextInput label={t("say.place.name")} placeholder={t("say.place.name.example")} maxLength={200} value={name} onChange={(event) => setName(event.currentTarget.value)} />
      <TextInput label={t("say.place.address")} maxLength={1000} value={address} onChange={(event) => setAddress(event.currentTarget.value)} />
    </SayDialog>
  );
}
