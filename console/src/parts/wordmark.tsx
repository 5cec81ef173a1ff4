import type { ReactNode } from "react";

export function Wordmark(): ReactNode {
  return (
    <span className="wordmark">
      <WordmarkPicture />
      Karkhana
    </span>
  );
}

export function WordmarkPicture(): ReactNode {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true" fill="none" stroke="currentColor">
      <circle cx="10" cy="10" r="8.25" strokeWidth="1.5" />
      <path d="M10 1.75A8.25 8.25 0 0 1 18.25 10" stroke="var(--accent)" strokeWidth="3" />
      <path d="M10 10 14.2 5.8" strokeWidth="1.75" strokeLinecap="round" />
    </svg>
  );
}
