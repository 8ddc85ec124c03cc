/** The words of a message: links, formatting, hidden parts. Everything is text of React's; nothing is ever HTML. */
import { useState } from "react";
import { useT } from "../i18n";
import { isEmojiOnly, type Node, spans } from "../lib/spans";
import { pieces } from "../lib/text";
import classes from "./words.module.css";

function Link({ href, children }: { href: string; children: React.ReactNode }) {
  return (
    <a href={href} target="_blank" rel="noreferrer noopener nofollow">
      {children}
    </a>
  );
}

function Plain({ text }: { text: string }) {
  return pieces(text).map((piece, index) => (piece.kind === "link" ? <Link key={index} href={piece.href}>{piece.text}</Link> : piece.text));
}

/** Hidden until it is asked for, as its writer wanted. */
function Spoiler({ children }: { children: React.ReactNode }) {
  const t = useT();
  const [shown, setShown] = useState(false);
  if (shown) return <span className={classes.revealed}>{children}</span>;
  return (
    <button type="button" className={classes.spoiler} aria-label={t("msg.spoiler")} onClick={() => setShown(true)}>
      <span aria-hidden>{children}</span>
    </button>
  );
}

function Part({ node }: { node: Node }) {
  if (typeof node === "string") return <Plain text={node} />;
  const inner = node.children.map((child, index) => (node.type === "code" || node.type === "pre" ? (typeof child === "string" ? child : <Part key={index} node={child} />) : <Part key={index} node={child} />));
  switch (node.type) {
    case "bold":
      return <strong>{inner}</strong>;
    case "italic":
      return <em>{inner}</em>;
    case "underline":
      return <u>{inner}</u>;
    case "strikethrough":
      return <s>{inner}</s>;
    case "code":
      return <code className={classes.code}>{inner}</code>;
    case "pre":
      return <code className={classes.pre}>{inner}</code>;
    case "blockquote":
    case "expandable_blockquote":
      return <span className={classes.block}>{inner}</span>;
    case "spoiler":
      return <Spoiler>{inner}</Spoiler>;
    default:
      // A link within a link would be none: its words are.
      return node.href ? <Link href={node.href}>{node.children.map((child, index) => (typeof child === "string" ? child : <Part key={index} node={child} />))}</Link> : inner;
  }
}

export function Words({ text, entities }: { text: string; entities?: unknown }) {
  return (
    <span className={classes.words} dir="auto" data-emoji={isEmojiOnly(text) || undefined}>
      {spans(text, entities).map((node, index) => (
        <Part key={index} node={node} />
      ))}
    </span>
  );
}
