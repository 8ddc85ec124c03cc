/** What a message is, beyond its words and files: a place, people, choices, a template, where it came from. Shapes: `content` in `wit/types`. */
import { Clock3, Forward, Keyboard, Link2, List, ListChecks, MapPin, Megaphone, MessageSquareDashed, MousePointerClick, Reply, ShoppingBag, Vote, LayoutTemplate } from "lucide-react";
import { type ReactNode } from "react";
import { safeHref } from "../api/client";
import type { Message } from "../api/types";
import { type Key, useT } from "../i18n";
import { record, records, text, texts } from "../lib/json";
import { initials, prettyAddress } from "../lib/text";
import { mapOf } from "./say/point";
import classes from "./content.module.css";
import { Words } from "./words";

type Json = Record<string, unknown>;

/** A line above the words that says what kind of message this is. */
function Label({ icon: Icon, children }: { icon: typeof Clock3; children: ReactNode }) {
  return (
    <span className={classes.label}>
      <Icon size={14} aria-hidden />
      <span>{children}</span>
    </span>
  );
}

function External({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a className={classes.action} href={href} target="_blank" rel="noreferrer noopener nofollow">
      {children}
    </a>
  );
}

function Place({ extra }: { extra: Json }) {
  const t = useT();
  const { latitude, longitude } = extra;
  const known = typeof latitude === "number" && typeof longitude === "number";
  const name = text(extra.name) || t("msg.kind.location");
  return (
    <span className={classes.card}>
      <span className={classes.map} aria-hidden>
        <MapPin size={28} />
      </span>
      <span className={classes.cardBody}>
        <strong>{name}</strong>
        {text(extra.address) && <span className={classes.line}>{text(extra.address)}</span>}
        {known && !text(extra.address) && (
          <span className={classes.line}>
            {latitude.toFixed(5)}, {longitude.toFixed(5)}
          </span>
        )}
      </span>
      {known && <External href={mapOf({ latitude, longitude })}>{t("msg.map")}</External>}
    </span>
  );
}

function People({ extra }: { extra: Json }) {
  return records(extra.contacts).map((person, index) => (
    <span key={index} className={classes.card}>
      <span className={classes.person}>
        <span className={classes.initials} aria-hidden>
          {initials(text(person.name))}
        </span>
        <span className={classes.cardBody}>
          <strong>{text(person.name)}</strong>
          {texts(person.phones).map((phone) => (
            <a key={phone} className={classes.line} href={`tel:${phone.replace(/[^\d+]/g, "")}`}>
              {prettyAddress(phone)}
            </a>
          ))}
          {texts(person.emails).map((email) => (
            <a key={email} className={classes.line} href={`mailto:${encodeURIComponent(email).replace("%40", "@")}`}>
              {email}
            </a>
          ))}
        </span>
      </span>
    </span>
  ));
}

/** Buttons, a list or a keyboard: shown as the customer has them, and nothing happens here when they are clicked. */
function Choices({ extra }: { extra: Json }) {
  const t = useT();
  const list = record(extra.list);
  const sections = records(list.sections);
  const keyboard = Array.isArray(extra.keyboard) ? extra.keyboard : [];
  return (
    <>
      {records(extra.buttons).length > 0 && (
        <ul className={classes.buttons} aria-label={t("msg.buttons")}>
          {records(extra.buttons).map((button, index) => (
            <li key={index}>{text(button.title)}</li>
          ))}
        </ul>
      )}
      {sections.length > 0 && (
        <span className={classes.list}>
          <Label icon={List}>{text(list.button) || t("msg.list")}</Label>
          {sections.map((section, index) => (
            <span key={index}>
              {text(section.title) && <strong className={classes.section}>{text(section.title)}</strong>}
              <ul>
                {records(section.rows).map((row, at) => (
                  <li key={at}>
                    {text(row.title)}
                    {text(row.description) && <span className={classes.line}>{text(row.description)}</span>}
                  </li>
                ))}
              </ul>
            </span>
          ))}
        </span>
      )}
      {keyboard.length > 0 && (
        <span className={classes.list}>
          <Label icon={Keyboard}>{t("msg.keyboard")}</Label>
          {keyboard.map((row, index) => (
            <ul key={index} className={classes.keys}>
              {(Array.isArray(row) ? row : []).map((key: unknown, at) => (
                <li key={at}>{text(key) || text(record(key).title)}</li>
              ))}
            </ul>
          ))}
        </span>
      )}
    </>
  );
}

function Template({ extra, words }: { extra: Json; words: string }) {
  const t = useT();
  const buttons = records(extra.components).flatMap((component) => records(component.buttons).map((button) => text(button.text) || text(button.title)));
  return (
    <>
      <Label icon={LayoutTemplate}>{text(extra.name) ? t("msg.template", { name: text(extra.name) }) : t("msg.kind.template")}</Label>
      {words && <Words text={words} entities={extra.entities} />}
      {buttons.some(Boolean) && (
        <ul className={classes.buttons} aria-label={t("msg.buttons")}>
          {buttons.filter(Boolean).map((title, index) => (
            <li key={index}>{title}</li>
          ))}
        </ul>
      )}
    </>
  );
}

/** What the message came from: an advertisement, a story, a product, a link. Channels name things each in their own way; what is in any of them is shown. */
function Origin({ referral }: { referral: Json }) {
  const t = useT();
  const ad = record(referral.ads_context_data);
  const story = record(referral.story);
  const product = record(referral.product);
  if (story.id || story.url) return <Label icon={Reply}>{t("msg.referral.story")}</Label>;
  if (text(referral.start)) return <Label icon={Link2}>{t("msg.referral.link", { name: text(referral.start) })}</Label>;
  // A catalogue's item has the business's own number for it.
  const item = text(product.id) || text(referral.product_retailer_id);
  const title = text(referral.headline) || text(ad.ad_title) || text(product.name) || text(referral.product_retailer_id);
  const link = safeHref(text(referral.source_url) || text(referral.referer_uri));
  const isAd = /^ads?$/i.test(text(referral.source_type) || text(referral.source)) || Boolean(text(ad.ad_title));
  const kind: Key = item ? "msg.referral.product" : isAd ? "msg.referral.ad" : "msg.referral";
  return (
    <span className={classes.card}>
      <span className={classes.person}>
        <span className={classes.mark} aria-hidden>
          {item ? <ShoppingBag size={18} /> : isAd ? <Megaphone size={18} /> : <Link2 size={18} />}
        </span>
        <span className={classes.cardBody}>
          <span className={classes.line}>{t(kind)}</span>
          {title && <strong>{title}</strong>}
          {text(referral.body) && <span className={classes.line}>{text(referral.body)}</span>}
          {!title && text(referral.ref) && <span className={classes.line}>{text(referral.ref)}</span>}
        </span>
      </span>
      {link && <External href={link}>{t("msg.referral.open")}</External>}
    </span>
  );
}

/** Where the contact was as they wrote. */
function WrittenOn({ page }: { page: Json }) {
  const t = useT();
  const url = safeHref(text(page.url));
  if (!url) return null;
  return (
    <Label icon={Link2}>
      {t("msg.page")}{" "}
      <a href={url} target="_blank" rel="noreferrer noopener nofollow">
        {text(page.title) || url}
      </a>
    </Label>
  );
}

/** Kinds that no content kind carries, and that are told in words. */
const TOLD: Record<string, [typeof Clock3, Key]> = {
  order: [ShoppingBag, "msg.told.order"],
  poll: [Vote, "msg.told.poll"],
  checklist: [ListChecks, "msg.told.checklist"],
};

/** The lines above the words. */
export function Above({ message }: { message: Message }) {
  const t = useT();
  const extra = record(message.extra);
  const told = message.kind === "unsupported" ? TOLD[text(extra.type)] : undefined;
  return (
    <>
      {text(extra.author) && <span className={classes.author}>{text(extra.author)}</span>}
      {extra.forwarded === true && <Label icon={Forward}>{t("msg.forwarded")}</Label>}
      {extra.ephemeral === true && <Label icon={Clock3}>{t("msg.ephemeral")}</Label>}
      {extra.referral !== undefined && <Origin referral={record(extra.referral)} />}
      <WrittenOn page={record(extra.page)} />
      {message.kind === "choice" && <Label icon={MousePointerClick}>{t("msg.kind.choice")}</Label>}
      {told && <Label icon={told[0]}>{t(told[1])}</Label>}
      {message.kind === "unsupported" && !message.text && <Label icon={MessageSquareDashed}>{t("msg.kind.unsupported")}</Label>}
    </>
  );
}

/** The words with what belongs to them. */
export function Content({ message }: { message: Pick<Message, "kind" | "text" | "extra"> }) {
  const extra = record(message.extra);
  const words = message.text && <Words text={message.text} entities={extra.entities} />;
  switch (message.kind) {
    case "location":
      // The connector's text repeats what the card says.
      return <Place extra={extra} />;
    case "contacts":
      return records(extra.contacts).length > 0 ? <People extra={extra} /> : words;
    case "choice":
      return <Words text={message.text || text(extra.title)} />;
    case "interactive":
      return (
        <>
          {words}
          <Choices extra={extra} />
        </>
      );
    case "template":
      return <Template extra={extra} words={message.text} />;
    default:
      return words;
  }
}
