/** Which addresses a webhook may reach: not this machine's, not its network's, not those that a cloud answers its machines on. */
import { BlockList, isIP, isIPv4 } from "node:net";

/** @see IANA special-purpose address registries (RFC 6890 and its updates) */
const reserved4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
/** Of the addresses that are handed out (2000::/3): tunnels into others (Teredo, 6to4) and documentation. */
const reserved6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

export type AddressRule = (address: string) => boolean;

/** @param ranges CIDR ranges or addresses that are allowed besides the public ones @throws RangeError naming one that is none */
export function addressRule(ranges: readonly string[]): AddressRule {
  const reserved = listOf([...reserved4, ...reserved6]);
  const handedOut = listOf(["2000::/3"]);
  const allowed = listOf(ranges);
  return (address) => {
    const plain = plainAddress(address);
    const family = isIP(plain);
    if (family === 0) return false;
    const kind = family === 4 ? "ipv4" : "ipv6";
    if (allowed.check(plain, kind)) return true;
    return !reserved.check(plain, kind) && (family === 4 || handedOut.check(plain, kind));
  };
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.trim().split("/");
    const family = isIP(address);
    const size = bits === undefined ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (family === 0 || size < 0 || size > (family === 4 ? 32 : 128)) throw new RangeError(`${range} is not an address or a range of addresses`);
    list.addSubnet(address, size, family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/** An IPv4 address in IPv6 clothes is what it is underneath; a zone is dropped. */
function plainAddress(address: string): string {
  const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(bare);
  if (hex === null) return bare;
  const [high, low] = [Number.parseInt(hex[1]!, 16), Number.parseInt(hex[2]!, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
