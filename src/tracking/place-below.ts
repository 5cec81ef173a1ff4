/** An address in a place of artifacts: what the place says after "?" (an account, a region) stays at the end. */
export function placeBelow(location: string, path: string): string {
  const [place = "", ...query] = location.split("?");
  return [`${place.replace(/\/+$/, "")}/${path}`, ...query].join("?");
}
