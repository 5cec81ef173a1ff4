import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/**
 * A port that nobody listens on, nor on the `following` after it. For servers that are told their port, or come back to it: not one of those that the
 * system gives to outgoing connections and to whoever asks for any port, since it might give it away before it is taken, or between kill and start.
 */
export async function freePort(following = 0): Promise<number> {
  const [lowest, highest] = portsGivenAway();
  for (;;) {
    // Below them where there is room, else anywhere.
    const port = 10_000 + Math.floor(Math.random() * (lowest > 12_000 ? lowest - 10_000 - following : highest - 10_000 - following));
    if (await areFree(Array.from({ length: following + 1 }, (_, i) => port + i))) return port;
  }
}

function portsGivenAway(): readonly [lowest: number, highest: number] {
  try {
    const [lowest = 0, highest = 0] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1").trim().split(/\s+/).map(Number);
    return [lowest, highest];
  } catch {
    // IANA's, which other systems keep to.
    return [49_152, 65_535];
  }
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      return false;
    }
    server.close();
    await once(server, "close");
  }
  return true;
}
