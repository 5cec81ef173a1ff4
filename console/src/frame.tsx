import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { Fragment, useEffect, useRef, useState, type ReactNode } from "react";
import { clockTime, day } from "./format.ts";
import { useLive } from "./live.tsx";
import { Page } from "./parts/block.tsx";
import { WordmarkPicture } from "./parts/wordmark.tsx";
import { ask } from "./requests.ts";
import { SignedIn } from "./sign-in.tsx";
import { useWorkspace } from "./workspace-choice.ts";
import { WorkspaceSwitch } from "./workspace-switch.tsx";

const rooms = [
  { to: "/", name: "Loop" },
  { to: "/data", name: "Data" },
  { to: "/features", name: "Features" },
  { to: "/experiments", name: "Experiments" },
  { to: "/runs", name: "Runs" },
  { to: "/models", name: "Models" },
  { to: "/serving", name: "Serving" },
  { to: "/monitoring", name: "Monitoring" },
  { to: "/pipelines", name: "Pipelines" },
  { to: "/path", name: "Path" },
] as const;

export function Frame(): ReactNode {
  const path = useRouterState({ select: (s) => s.location.pathname });
  const { connected, lost, progress } = useLive();
  const overview = useQuery(ask.overview());
  const workspace = useWorkspace();
  const main = useRef<HTMLElement>(null);
  const shownBefore = useRef(path);
  const place = path.startsWith("/compare") ? "/runs" : path;
  const room = rooms.findLast((r) => (r.to === "/" ? place === "/" : place.startsWith(r.to)));
  useEffect(() => {
    document.title = room === undefined ? "Karkhana" : `${room.name} · Karkhana`;
    // On a phone the rooms are a strip to be scrolled.
    document.querySelector(".rail nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (shownBefore.current === path) return;
    shownBefore.current = path;
    window.scrollTo(0, 0);
    // A screen reader starts at the new page, not at the link that was left.
    main.current?.focus({ preventScroll: true });
  }, [path, room]);
  const replayUs = progress.replayUs ?? overview.data?.replay?.atUs ?? null;
  const needsLook = (overview.data?.attention ?? []).map((a) => a.page.split("?")[0]!);
  return (
    <div className="frame">
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="rail">
        <Link to="/" className="wordmark" aria-label="Karkhana, start page">
          <WordmarkPicture />
          Karkhana
        </Link>
        <nav aria-label="Rooms">
          <ul>
            {rooms.map((r) => (
              <li key={r.to}>
                <Link to={r.to} aria-current={room?.to === r.to ? "page" : undefined}>
                  {r.name}
                  {r.to !== "/" && needsLook.some((p) => p.startsWith(r.to)) ? <span className="dot" role="img" aria-label="needs attention" /> : null}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div className="foot">
          {replayUs === null ? null : (
            <div className="long">
              Replay clock
              <div className="clock">
                {day(replayUs)}
                <br />
                {clockTime(replayUs)} UTC
              </div>
            </div>
          )}
          <div className="long">{connected ? "Live" : "Not connected; trying again"}</div>
          <WorkspaceSwitch />
          <SignedIn />
          <ThemeSwitch />
        </div>
      </header>
      <main id="page" className="page" ref={main} tabIndex={-1}>
        <div role="status">
          {lost ? (
            <p className="lost">The server cannot be reached, so this page may be out of date. It goes on by itself as soon as the server is back.</p>
          ) : null}
        </div>
        <Fragment key={workspace}>
          <Outlet />
        </Fragment>
      </main>
    </div>
  );
}

type Theme = "auto" | "light" | "dark";

function ThemeSwitch(): ReactNode {
  const [theme, setTheme] = useState<Theme>(() => (document.documentElement.dataset["theme"] as Theme | undefined) ?? "auto");
  const choose = (next: Theme): void => {
    setTheme(next);
    if (next === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = next;
    try {
      localStorage.setItem("karkhana-theme", next);
    } catch {
      // Storage may be switched off: the choice then holds until the page is left.
    }
  };
  return (
    <div className="segmented" role="group" aria-label="Theme">
      {(["auto", "light", "dark"] as const).map((t) => (
        <button key={t} type="button" aria-pressed={theme === t} onClick={() => choose(t)}>
          {t === "auto" ? "Auto" : t === "light" ? "Light" : "Dark"}
        </button>
      ))}
    </div>
  );
}

export function NotFound(): ReactNode {
  return (
    <Page title="No such page" lede="The address names nothing in this console.">
      <Link to="/">Back to the loop</Link>
    </Page>
  );
}
