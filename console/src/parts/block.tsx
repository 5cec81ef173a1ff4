import type { ReactNode } from "react";
import { Refusal } from "../requests.ts";

/** A titled section under a hairline. */
export function Block({ title, aside, note, children }: { title: string; aside?: ReactNode; note?: ReactNode; children: ReactNode }): ReactNode {
  return (
    <section className="block">
      <div className="head">
        <h2>{title}</h2>
        {note === undefined ? null : <p className="note">{note}</p>}
        {aside === undefined ? null : <div className="aside">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

export function Page({ title, lede, trail, children }: { title: string; lede?: ReactNode; trail?: ReactNode; children: ReactNode }): ReactNode {
  return (
    <>
      <header>
        {trail === undefined ? null : <p className="trail">{trail}</p>}
        <h1>{title}</h1>
        {lede === undefined ? null : <p className="lede">{lede}</p>}
      </header>
      {children}
    </>
  );
}

/** Nothing here yet, and the command that changes that. */
export function Empty({ what, command }: { what: string; command: string }): ReactNode {
  return (
    <div className="empty">
      <p>{what}</p>
      <p>
        <code>{command}</code> fills it.
      </p>
    </div>
  );
}

/** What the server refused, in its own words. */
export function Trouble({ error }: { error: unknown }): ReactNode {
  if (error === null || error === undefined) return null;
  const isRefusal = error instanceof Refusal;
  return (
    <div className="trouble" role="alert">
      <p className="bad">{error instanceof Error ? error.message : "Something else than an error was thrown"}</p>
      <p className="note">{isRefusal ? `${error.remedy} (${error.code})` : "See whether `karkhana up` still runs; the page tries again by itself."}</p>
    </div>
  );
}

export interface Reading {
  readonly name: string;
  readonly value: ReactNode;
  readonly unit?: string;
  readonly sub?: ReactNode;
}

/** A row of figures with their units. */
export function Readings({ items }: { items: readonly Reading[] }): ReactNode {
  return (
    <dl className="readings">
      {items.map((item) => (
        <div key={item.name}>
          <dt>{item.name}</dt>
          <dd>
            {item.value}
            {item.unit === undefined ? null : <small>{item.unit}</small>}
          </dd>
          {item.sub === undefined ? null : <dd className="sub">{item.sub}</dd>}
        </div>
      ))}
    </dl>
  );
}

export function Pairs({ pairs }: { pairs: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <dl className="pairs">
      {pairs.map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
