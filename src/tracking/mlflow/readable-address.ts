/**
 * An address as MLflow's server reads it: joined of "…/" and "/…", and with "%" signs that its client did not encode, which sends the file
 * `50%accuracy.png` as that. What decodes to no text becomes U+FFFD, and a "%" before anything but two digits is one.
 */
export function readableAddress(url: string): string {
  const single = url.replace(/^\/{2,}/, "/");
  const query = single.indexOf("?");
  return query === -1 ? decodable(single) : decodable(single.slice(0, query)) + single.slice(query);
}

/** The same path in an encoding that `decodeURIComponent` takes. */
export function decodable(path: string): string {
  if (!path.includes("%")) return path;
  return path.replaceAll(/%(?![0-9a-f]{2})/gi, "%25").replaceAll(/(?:%[0-9a-f]{2})+/gi, readable);
}

function readable(escapes: string): string {
  try {
    decodeURIComponent(escapes);
    return escapes;
  } catch {
    return encodeURIComponent(Buffer.from(escapes.replaceAll("%", ""), "hex").toString("utf8"));
  }
}
