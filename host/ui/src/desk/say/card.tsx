/** Somebody's name and how to reach them, to send. */
import { Button, TextInput } from "@mantine/core";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useT } from "../../i18n";
import { type Say, SayDialog } from "./dialog";

const MOST_PHONES = 5;

export function CardDialog({ say, close }: { say: Say; close: () => void }) {
  const t = useT();
  const [name, setName] = useState("");
  const [phones, setPhones] = useState([""]);
  const [email, setEmail] = useState("");
  const [tried, setTried] = useState(false);
  // Not every channel takes somebody without one.
  const reached = phones.some((each) => each.trim());
  const submit = () => {
    setTried(true);
    if (!name.trim() || !reached) return false;
    const given = (all: string[]) => all.map((each) => each.trim()).filter(Boolean);
    say({ kind: "contacts", extra: { contacts: [{ name: name.trim(), phones: given(phones), emails: given([email]) }] } });
    return true;
  };
  return (
    <SayDialog title={t("say.card.title")} close={close} submit={submit}>
      <TextInput data-autofocus label={t("say.card.name")} withAsterisk maxLength={200} autoComplete="off" value={name} onChange={(event) => setName(event.currentTarget.value)} error={tried && !name.trim() && t("say.card.name.missing")} />
      {phones.map((phone, place) => (
        <TextInput
          key={place}
          type="tel"
          label={place === 0 ? t("say.card.phone") : t("say.card.phone.n", { n: place + 1 })}
          withAsterisk={place === 0}
          autoFocus={place > 0}
          placeholder="+55 11 91234-5678"
          maxLength={200}
          autoComplete="off"
          value={phone}
          onChange={(event) => setPhones(phones.with(place, event.currentTarget.value))}
          error={tried && !reached && place === 0 && t("say.card.reach.missing")}
        />
      ))}
      {phones.length < MOST_PHONES && (
        <Button size="compact-sm" variant="subtle" style={{ alignSelf: "flex-start" }} leftSection={<Plus size={16} aria-hidden />} onClick={() => setPhones([...phones, ""])}>
          {t("say.card.phone.more")}
        </Button>
      )}
      <TextInput type="email" label={t("say.card.email")} maxLength={200} autoComplete="off" value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
    </SayDialog>
  );
}
