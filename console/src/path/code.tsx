import { lazy, Suspense, useMemo, useRef, useState, type ReactNode } from "react";
import type { LabPage } from "../../../src/server/path-api.ts";
import type { Language } from "./requests.ts";

const Editor = lazy(async () => ({ default: (await import("./editor.tsx")).Editor }));

export interface Draft {
  readonly language: Language;
  readonly source: string;
  /** The text as it is at this moment: what is typed just before a key that grades it may not be drawn yet. */
  readonly latest: () => string;
  /** Another one is another text than the one being typed: the editor begins anew. */
  readonly revision: number;
  readonly setLanguage: (language: Language) => void;
  readonly setSource: (source: string) => void;
  readonly startOver: () => void;
}

const keyOf = (lab: number, language: Language): string => `karkhana-lab-${lab}-${language}`;

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, text: string | null): void {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Storage may be switched off: the draft then lives as long as the page.
  }
}

/** What is being written for a lab: kept in this browser, one draft a language. */
export function useDraft(lab: LabPage | undefined): Draft | undefined {
  const [language, setLanguage] = useState<Language>("typescript");
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const [revision, setRevision] = useState(0);
  const key = lab === undefined ? "" : keyOf(lab.number, language);
  const fresh = useRef<{ readonly key: string; readonly text: string } | null>(null);
  const kept = useMemo(() => (key === "" ? null : stored(key)), [key]);
  if (lab === undefined) return undefined;
  const starter = language === "python" ? lab.starter.python : lab.starter.typescript;
  const setSource = (text: string): void => {
    fresh.current = { key, text };
    setTyped((before) => ({ ...before, [key]: text }));
    store(key, text);
  };
  const source = typed[key] ?? kept ?? starter;
  return {
    language,
    source,
    latest: () => (fresh.current?.key === key ? fresh.current.text : source),
    revision,
    setLanguage,
    setSource,
    startOver: () => {
      setSource(starter);
      store(key, null);
      setRevision((n) => n + 1);
    },
  };
}

export function CodeBox({ lab, draft }: { lab: LabPage; draft: Draft }): ReactNode {
  return (
    <>
      <div className="row code-head">
        <div className="segmented" role="group" aria-label="Language">
          {lab.languages.map((language) => (
            <button key={language} type="button" aria-pressed={draft.language === language} onClick={() => draft.setLanguage(language)}>
              {language === "python" ? "Python" : "TypeScript"}
            </button>
          ))}
        </div>
        <span className="note">
          Write <code>{draft.language === "python" ? lab.entry.python : lab.entry.typescript}</code>. Ctrl+] indents.
        </span>
        <button type="button" onClick={draft.startOver}>
          Start over
        </button>
      </div>
      <Suspense fallback={<div className="editor" style={{ minHeight: 300 }} />}>
        <Editor
          key={`${draft.language} ${draft.revision}`}
          language={draft.language}
          start={draft.source}
          label={`Solution of lab ${lab.number}`}
          onChange={draft.setSource}
        />
      </Suspense>
    </>
  );
}
