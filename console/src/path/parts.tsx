import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { FoundRecord, Roadmap } from "../../../src/server/path-api.ts";

const places = [
  { to: "/path", name: "Road" },
  { to: "/path/plan", name: "Plan" },
  { to: "/path/labs", name: "Labs" },
  { to: "/path/drills", name: "Drills and rounds" },
  { to: "/path/portfolio", name: "Portfolio" },
  { to: "/path/market", name: "Market" },
] as const;

export function PathNav({ here }: { here: (typeof places)[number]["to"] }): ReactNode {
  return (
    <nav className="places" aria-label="The Path">
      {places.map(({ to, name }) => (
        <Link key={to} to={to} activeOptions={{ exact: true }} aria-current={to === here ? "page" : undefined}>
          {name}
        </Link>
      ))}
    </nav>
  );
}

export function Found({ found }: { found: readonly FoundRecord[] }): ReactNode {
  if (found.length === 0) return null;
  return (
    <ul className="found">
      {found.slice(0, 8).map(({ kind, id, says }) => (
        <li key={`${kind}${id}`}>
          <span className="quiet">{kind}</span>{" "}
          {pageOf(kind, id) === null ? (
            <code>{shortId(id)}</code>
          ) : (
            <a href={pageOf(kind, id) ?? ""}>
              <code>{shortId(id)}</code>
            </a>
          )}{" "}
          {says}
        </li>
      ))}
      {found.length > 8 ? <li className="quiet">and {found.length - 8} more</li> : null}
    </ul>
  );
}

function shortId(id: string): string {
  return id.length > 36 ? `${id.slice(0, 12)}…` : id;
}

function pageOf(kind: FoundRecord["kind"], id: string): string | null {
  const enc = encodeURIComponent(id);
  if (kind === "dataset") return `/data/${enc}`;
  if (kind === "run") return `/runs/${enc}`;
  if (kind === "training" || kind === "parity") return `/pipelines/${enc}`;
  if (kind === "version" || kind === "event") return "/models";
  return kind === "alert" || kind === "windows" ? "/monitoring" : kind === "evidence" ? "/path/portfolio" : null;
}

/** A command as it is typed. */
export function Command({ text }: { text: string }): ReactNode {
  return <code className="command">{text}</code>;
}

export function stageOf(content: Roadmap, blockId: string): Roadmap["stages"][number] | undefined {
  return content.stages.find(({ blocks }) => blocks.some(({ id }) => id === blockId));
}

/** Text of a statement: paragraphs, code blocks, lists, and `code`, **strong**, *stressed*. Nothing of it is ever taken as HTML. */
export function Prose({ text }: { text: string }): ReactNode {
  const blocks = text.trim().split(/\n{2,}/);
  return (
    <div className="prose">
      {joinFences(blocks).map((block, i) => {
        const key = `${i}`;
        if (block.startsWith("```"))
          return (
            <pre key={key} tabIndex={0}>
              {block.replace(/^```\w*\n?/, "").replace(/\n?```$/, "")}
            </pre>
          );
        const lines = block.split("\n");
        if (lines.every((line) => /^\s*([*-]|\d+\.)\s/.test(line) || /^\s{2,}/.test(line)))
          return /^\s*\d/.test(block) ? <ol key={key}>{listed(lines)}</ol> : <ul key={key}>{listed(lines)}</ul>;
        if (/^#+\s/.test(block)) return <h3 key={key}>{block.replace(/^#+\s/, "")}</h3>;
        return <p key={key}>{inline(lines.join(" "))}</p>;
      })}
    </div>
  );
}

function joinFences(blocks: readonly string[]): string[] {
  const joined: string[] = [];
  for (const block of blocks) {
    const open = joined.at(-1);
    if (open?.startsWith("```") === true && !/\n?```$/.test(open.slice(3))) joined[joined.length - 1] = `${open}\n\n${block}`;
    else joined.push(block);
  }
  return joined;
}

function listed(lines: readonly string[]): ReactNode[] {
  return items(lines).map((item) => <li key={item}>{inline(item)}</li>);
}

function items(lines: readonly string[]): string[] {
  const found: string[] = [];
  for (const line of lines) {
    if (/^\s*([*-]|\d+\.)\s/.test(line)) found.push(line.replace(/^\s*([*-]|\d+\.)\s+/, ""));
    else found[found.length - 1] = `${found.at(-1) ?? ""} ${line.trim()}`;
  }
  return found;
}

function inline(text: string): ReactNode[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|(?<![\w*])\*[^*\s](?:[^*]*[^*\s])?\*(?![\w*]))/).map((part, i) => {
    const key = `${i}`;
    if (part.startsWith("`") && part.endsWith("`") && part.length > 1) return <code key={key}>{part.slice(1, -1)}</code>;
    if (part.startsWith("**") && part.endsWith("**") && part.length > 4) return <strong key={key}>{part.slice(2, -2)}</strong>;
    return part.startsWith("*") && part.endsWith("*") && part.length > 2 ? <em key={key}>{part.slice(1, -1)}</em> : part;
  });
}
