import { useQuery } from "@tanstack/react-query";
import { useEffect, type ReactNode } from "react";
import type { Session } from "../../src/server/api.ts";
import { askRuns } from "./run-requests.ts";
import { queries, request } from "./requests.ts";
import { setSession } from "./session.ts";
import { chooseWorkspace, defaultWorkspace, useWorkspace } from "./workspace-choice.ts";

/** Which workspace is looked at, where there is more than one to choose from. */
export function WorkspaceSwitch(): ReactNode {
  const workspace = useWorkspace();
  const { data = [] } = useQuery(askRuns.workspaces());
  const names = data.map(({ name }) => name);
  const only = names.length > 0 && !names.includes(workspace) ? names[0] : undefined;
  useEffect(() => {
    // Whoever has no role where this tab looked is shown what they have one in.
    if (only !== undefined) void change(only);
  }, [only]);
  if (names.length < 2 && workspace === defaultWorkspace) return null;
  return (
    <label className="workspace" title="Experiments, runs and registered models are of a workspace; all else is of default">
      <span className="long">Workspace</span>
      <select aria-label="Workspace" value={workspace} onChange={(e) => void change(e.target.value)}>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

async function change(name: string): Promise<void> {
  chooseWorkspace(name);
  // Nothing of the one is shown in the other, not even for a moment.
  await queries.resetQueries();
  setSession(await request<Session>("/session"));
}
