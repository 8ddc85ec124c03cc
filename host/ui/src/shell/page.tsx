/** The frame of the administrators' pages: a title, a line of explanation, actions at the right, content that scrolls. */
import type { ReactNode } from "react";
import classes from "./page.module.css";

export function Page({ title, lead, actions, children }: { title: ReactNode; lead?: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <div>
          <h1>{title}</h1>
          {lead && <p>{lead}</p>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}
