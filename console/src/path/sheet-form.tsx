import { useEffect, useState, type ReactNode } from "react";
import type { Question, StoredSheet } from "../../../src/server/path-api.ts";

export type Given = Readonly<Record<string, string | readonly string[]>>;

function stored(key: string): Given {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "{}");
    return typeof value === "object" && value !== null ? (value as Given) : {};
  } catch {
    return {};
  }
}

/** Answers as they are written, kept in this browser until they are sent. */
export function useAnswers(id: string): readonly [Given, (next: Given) => void] {
  const key = `karkhana-sheet-${id}`;
  const [given, setGiven] = useState<Given>(() => stored(key));
  useEffect(() => setGiven(stored(key)), [key]);
  return [
    given,
    (next) => {
      setGiven(next);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Storage may be switched off: the answers then live as long as the page.
      }
    },
  ];
}

export function SheetQuestions({ sheet, given, onGiven }: { sheet: StoredSheet["sheet"]; given: Given; onGiven: (next: Given) => void }): ReactNode {
  return sheet.sections.map((section) => (
    <fieldset key={section.title} className="sheet-section">
      <legend>{section.title}</legend>
      {section.text === "" ? null : <p className="note">{section.text}</p>}
      {section.questions.map((question) => (
        <QuestionField key={question.id} question={question} value={given[question.id]} onValue={(value) => onGiven({ ...given, [question.id]: value })} />
      ))}
    </fieldset>
  ));
}

function QuestionField({
  question,
  value,
  onValue,
}: {
  question: Question;
  value: string | readonly string[] | undefined;
  onValue: (value: string | readonly string[]) => void;
}): ReactNode {
  const { id, prompt, note, kind } = question;
  const text = typeof value === "string" ? value : "";
  if (kind === "number")
    return (
      <label className="question is-number">
        <span>{prompt}</span>
        <span className="answer">
          <input id={id} inputMode="decimal" autoComplete="off" value={text} onChange={(e) => onValue(e.target.value)} />
          <span className="unit">{question.unit}</span>
        </span>
        {note === undefined ? null : <span className="note">{note}</span>}
      </label>
    );
  if (kind === "text") {
    const words = text.split(/\s+/).filter((word) => /\p{L}/u.test(word)).length;
    return (
      <label className="question">
        <span>{prompt}</span>
        <textarea id={id} rows={3} maxLength={8000} value={text} onChange={(e) => onValue(e.target.value)} />
        <span className="note">
          {words} of {question.minWords} words
        </span>
      </label>
    );
  }
  const chosen = typeof value === "string" ? [value] : (value ?? []);
  return (
    <fieldset className="question">
      <legend>{prompt}</legend>
      {note === undefined ? null : <span className="note">{note}</span>}
      <div className="options">
        {question.options.map((option) => (
          <label key={option.id} className="option">
            <input
              type={kind === "choice" ? "radio" : "checkbox"}
              name={id}
              checked={chosen.includes(option.id)}
              onChange={(e) => onValue(kind === "choice" ? [option.id] : e.target.checked ? [...chosen, option.id] : chosen.filter((one) => one !== option.id))}
            />
            {option.text}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
