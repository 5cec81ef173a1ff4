import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import type { LabPage } from "../../../src/server/path-api.ts";
import type { Language } from "./requests.ts";

const Editor = lazy(async () => ({ default: (await import("./editor.tsx")).Editor }));

export interface Draft {
  readonly language: Language;
  readonly source: string;
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
  const [source, setText] = useState<string | null>(null);
  const starter = lab === undefined ? "" : language === "python" ? lab.starter.python : lab.starter.typescript;
  const key = lab === undefined ? "" : keyOf(lab.number, language);
  useEffect(() => {
    if (key !== "") setText(stored(key));
  }, [key]);
  if (lab === undefined) return undefined;
  return {
    language,
    source: source ?? starter,
    setLanguage,
    setSource: (text) => {
      setText(text);
      store(key, text);
    },
    startOver: () => {
      setText(null);
      store(key, null);
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
        <Editor language={draft.language} value={draft.source} label={`Solution of lab ${lab.number}`} onChange={draft.setSource} />
      </Suspense>
    </>
  );
}
