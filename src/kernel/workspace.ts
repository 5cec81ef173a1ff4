/** Where all is kept that names no workspace, and the platform's own loop. It is always there. */
export const defaultWorkspace = "default";

/** What blob folders of a workspace's runs begin with. Those of `default` lie where they lay before there were others. */
export function homeOf(workspace: string): string {
  return workspace === defaultWorkspace ? "" : `workspaces/${workspace}/`;
}
