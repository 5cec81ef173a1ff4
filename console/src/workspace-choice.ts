import { useSyncExternalStore } from "react";

/** Where everything is that names no workspace, and the platform's own loop. */
export const defaultWorkspace = "default";

const listeners = new Set<() => void>();
let chosen = first();

/** What the address names, else what this tab was looking at. */
function first(): string {
  try {
    return new URLSearchParams(location.search).get("workspace") ?? sessionStorage.getItem("karkhana-workspace") ?? defaultWorkspace;
  } catch {
    return defaultWorkspace;
  }
}

export function chosenWorkspace(): string {
  return chosen;
}

export function chooseWorkspace(name: string): void {
  chosen = name;
  try {
    sessionStorage.setItem("karkhana-workspace", name);
  } catch {
    // Storage may be switched off: the choice then holds until the page is left.
  }
  for (const listener of listeners) listener();
}

export function useWorkspace(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => chosen,
  );
}

/** For an address that a link or a picture asks for, which carries no header. */
export function inWorkspace(address: string): string {
  return chosen === defaultWorkspace ? address : `${address}${address.includes("?") ? "&" : "?"}workspace=${encodeURIComponent(chosen)}`;
}
