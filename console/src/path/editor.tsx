import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { python } from "@codemirror/lang-python";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef, type ReactNode } from "react";
import type { Language } from "./requests.ts";

/*
 * The editor lives in a shadow root: there its styles are constructed style sheets, which the page's Content-Security-Policy lets through;
 * anywhere else it would add <style> elements, which are refused. Colours are the page's own tokens: custom properties pass into the root.
 * Tab leaves the editor, as everywhere on the page; Ctrl+] and Ctrl+[ indent.
 */

const theme = EditorView.theme({
  "&": { backgroundColor: "var(--sunk)", color: "var(--ink)", fontSize: "12.5px", border: "1px solid var(--hair)", borderRadius: "3px", maxHeight: "620px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "19px", minHeight: "280px" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--ink-3)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--accent-soft)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--champion-soft) !important" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-soft) !important" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--threshold)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--challenger)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--champion)" },
  { tag: [tags.comment], color: "var(--ink-2)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.definition(tags.function(tags.variableName))], color: "var(--accent)" },
  { tag: [tags.typeName, tags.className], color: "var(--champion)" },
]);

/**
 * Holds the text itself and tells every change. It takes no text but the one it starts with: one that came back through the page's state
 * would be older than what has been typed since, and would undo it.
 */
export function Editor({
  language,
  start,
  label,
  onChange,
}: {
  language: Language;
  start: string;
  label: string;
  onChange: (text: string) => void;
}): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const changed = useRef(onChange);
  changed.current = onChange;

  useEffect(() => {
    const host = place.current;
    if (host === null) return undefined;
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: start,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          indentUnit.of(language === "python" ? "    " : "  "),
          language === "python" ? python() : javascript({ typescript: language === "typescript" }),
          syntaxHighlighting(colours),
          theme,
          keymap.of([...defaultKeymap, ...historyKeymap]),
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    return () => editor.destroy();
    // The text it starts with is read once.
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- see above
  }, [language, label]);

  return <div className="editor" ref={place} />;
}
