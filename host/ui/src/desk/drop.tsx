/** Dropping files anywhere on a conversation: what they are dropped on says so. */
import { FileUp } from "lucide-react";
import { type RefObject, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useT } from "../i18n";
import classes from "./composer.module.css";

/** Takes files that are dropped on the section around `inside`, while `able`. */
export function DropZone({ inside, able, take }: { inside: RefObject<HTMLElement | null>; able: boolean; take: (files: FileList) => void }) {
  const t = useT();
  const [over, setOver] = useState<HTMLElement | null>(null);
  const taking = useRef(take);
  useEffect(() => {
    taking.current = take;
  });
  useEffect(() => {
    const section = inside.current?.closest("section");
    if (!section || !able) return;
    const files = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const move = (event: DragEvent) => {
      if (!files(event)) return;
      event.preventDefault();
      setOver(section);
    };
    const leave = (event: DragEvent) => {
      // Moving between what is inside says leave too.
      if (!(event.relatedTarget instanceof Node && section.contains(event.relatedTarget))) setOver(null);
    };
    const drop = (event: DragEvent) => {
      if (!files(event)) return;
      event.preventDefault();
      setOver(null);
      if (event.dataTransfer) taking.current(event.dataTransfer.files);
    };
    section.addEventListener("dragenter", move);
    section.addEventListener("dragover", move);
    section.addEventListener("dragleave", leave);
    section.addEventListener("drop", drop);
    return () => {
      section.removeEventListener("dragenter", move);
      section.removeEventListener("dragover", move);
      section.removeEventListener("dragleave", leave);
      section.removeEventListener("drop", drop);
      setOver(null);
    };
  }, [inside, able]);
  if (!over) return null;
  return createPortal(
    <div className={classes.drop}>
      <span>
        <FileUp size={28} aria-hidden />
        {t("composer.drop")}
      </span>
    </div>,
    over,
  );
}
