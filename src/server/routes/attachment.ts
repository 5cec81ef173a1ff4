/** A download's file name. @see RFC 6266, RFC 5987 */
export function attachment(path: string): string {
  const name = path.split("/").at(-1) ?? "";
  const ascii = name.replaceAll(/[^\x20-\x7e]|["\\]/g, "_");
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(name).replaceAll(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`;
}
