import type { ReactNode } from "react";

export type Tone = "good" | "watch" | "bad" | "quiet";

const shapes: Readonly<Record<Tone, ReactNode>> = {
  good: <path d="M2 6.5 5 9.5 10.5 3" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" />,
  watch: <path d="M6 1.5 11 10.5H1Z" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" />,
  bad: <path d="M2.5 2.5 9.5 9.5M9.5 2.5 2.5 9.5" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" />,
  quiet: <circle cx="6" cy="6" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.5" />,
};

/** A state is a shape, a colour and a word, never a colour alone. */
export function State({ tone, children }: { tone: Tone; children: ReactNode }): ReactNode {
  return (
    <span className={`state ${tone}`}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        {shapes[tone]}
      </svg>
      {children}
    </span>
  );
}

export function toneOfRun(status: string): Tone {
  if (status === "FINISHED" || status === "succeeded" || status === "accepted" || status === "done") return "good";
  if (status === "FAILED" || status === "failed" || status === "refused" || status === "KILLED") return "bad";
  return status === "quarantined" || status === "cancelled" ? "watch" : "quiet";
}

/** Legend keys drawn with the very strokes of the chart. */
export function Key({
  kind,
  children,
}: {
  kind: "champion" | "challenger" | "shadow" | "threshold" | "baseline" | "reference" | "current";
  children: ReactNode;
}): ReactNode {
  return (
    <span>
      <svg viewBox="0 0 20 10" aria-hidden="true">
        {kind === "reference" ? (
          <rect className="bar-reference" x="0.5" y="0.5" width="19" height="9" />
        ) : (
          <path className={kind === "current" ? "bar-current" : `line is-${kind}`} d="M0 5H20" />
        )}
      </svg>
      {children}
    </span>
  );
}
