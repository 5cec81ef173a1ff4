import type { FastifyRequest } from "fastify";
import { KarkhanaError } from "../kernel/error.ts";

const loopbackNames = ["127.0.0.1", "localhost", "[::1]"];

export function isLoopback(host: string): boolean {
  return loopbackNames.includes(host) || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

const wildcards = ["0.0.0.0", "::"];

/** Where this machine's own processes find a server that listens on `host`, as it stands in a URL. */
export function ownAddress(host: string): string {
  const plain = wildcards.includes(host) ? "127.0.0.1" : host;
  return plain.includes(":") ? `[${plain}]` : plain;
}

/**
 * Refuses requests that a web page could have caused: a Host that is not ours means a name was rebound to this address,
 * a foreign Origin means another site's page posts to it.
 */
export function hostGuard(allowedHosts: readonly string[]): (request: FastifyRequest) => void {
  const names = new Set([...loopbackNames, ...allowedHosts.map((name) => name.toLowerCase())]);
  const known = new Set<string>();
  return ({ method, headers: { host, origin } }) => {
    if (host === undefined || (!known.has(host) && !names.has(nameOf(host))))
      throw new KarkhanaError("HOST_REFUSED", { value: (host ?? "nothing").slice(0, 100) });
    if (known.size < 100) known.add(host);
    if (origin !== undefined && method !== "GET" && method !== "HEAD" && !names.has(originName(origin)))
      throw new KarkhanaError("ORIGIN_REFUSED", { value: origin.slice(0, 100) });
  };
}

function nameOf(host: string): string {
  return host.toLowerCase().replace(/:\d{1,5}$/, "");
}

function originName(origin: string): string {
  return nameOf(origin.replace(/^https?:\/\//i, ""));
}
