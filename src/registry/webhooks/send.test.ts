import { createHmac } from "node:crypto";
import type { LookupAddress } from "node:dns";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addressRule } from "./public-address.ts";
import { TargetRefused, webhookSender } from "./send.ts";
import { signatureOf } from "./signature.ts";

describe("addresses that webhooks may reach", () => {
  const isPublic = addressRule([]);
  test.each(["93.184.216.34", "8.8.8.8", "172.15.255.255", "172.32.0.1", "2606:4700::6810:84e5", "::ffff:8.8.8.8", "2a00:1450:4001:81b::200e"])(
    "%s is public",
    (address) => {
      expect(isPublic(address)).toBe(true);
    },
  );
  test.each([
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "ff02::1",
    "",
    "localhost",
    "127.1",
  ])("%j is not", (address) => {
    expect(isPublic(address)).toBe(false);
  });
  test("but those the configuration names are", () => {
    const rule = addressRule(["10.1.0.0/16", " 127.0.0.1", "fd00::/8"]);
    expect(["10.1.9.9", "127.0.0.1", "::ffff:127.0.0.1", "fd12::1", "8.8.8.8"].map(rule)).toEqual([true, true, true, true, true]);
    expect(["10.2.0.1", "127.0.0.2", "fe80::1"].map(rule)).toEqual([false, false, false]);
    for (const range of ["localhost", "10.0.0.0/33", "10.0.0.0/x", ""]) expect(() => addressRule([range])).toThrow(/is not an address/);
  });
});

test("a signature is what a receiver of MLflow's webhooks computes", () => {
  const body = '{"a":"é"}';
  const expected = createHmac("sha256", "s3cret").update(`id-1.1700000000.${body}`, "utf8").digest("base64");
  expect(signatureOf("s3cret", "id-1", 1_700_000_000, body)).toBe(`v1,${expected}`);
});

describe("sending", () => {
  let server: Server;
  let port: number;
  let requests: string[];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;

  beforeEach(async () => {
    requests = [];
    answer = (_request, response) => void response.end("ok");
    server = createServer((request, response) => {
      requests.push(request.url ?? "");
      request.resume();
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const request = (host: string): { url: string; headers: Record<string, string>; body: string } => ({
    url: `http://${host}:${port}/hook`,
    headers: {},
    body: "{}",
  });
  /** Answers each look-up with the next list. */
  const names =
    (...answers: string[][]) =>
    (_host: string, _options: unknown, callback: (error: null, addresses: LookupAddress[]) => void): void =>
      callback(
        null,
        (answers.shift() ?? []).map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
  const sender = (allowed: string[], ...answers: string[][]): ReturnType<typeof webhookSender> =>
    webhookSender(addressRule(allowed), names(...answers) as unknown as Parameters<typeof webhookSender>[1]);

  test.each(["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1", "127.1", "017700000001"])(
    "never connects to %s",
    async (host) => {
      await expect(webhookSender(addressRule([]))(request(host))).rejects.toThrow(TargetRefused);
      expect(requests).toEqual([]);
    },
  );

  test("reaches what is allowed, by address and by name", async () => {
    expect(await webhookSender(addressRule(["127.0.0.1"]))(request("127.0.0.1"))).toEqual({ status: 200, body: "ok" });
    expect(await sender(["127.0.0.1"], ["127.0.0.1"])(request("hook.example"))).toMatchObject({ status: 200 });
    expect(requests).toEqual(["/hook", "/hook"]);
  });

  test("a name that stands for one inner address among public ones is refused", async () => {
    await expect(sender([], ["93.184.216.34", "127.0.0.1"])(request("hook.example"))).rejects.toThrow(TargetRefused);
    await expect(sender([], [])(request("hook.example"))).rejects.toThrow(TargetRefused);
    expect(requests).toEqual([]);
  });

  test("a name that is public at first and inner at the connection (DNS rebinding) is refused", async () => {
    // The first answer is what a check before the connection would have seen.
    const send = sender([], ["127.0.0.1"], ["93.184.216.34"]);
    await expect(send(request("rebound.example"))).rejects.toThrow(TargetRefused);
    expect(requests).toEqual([]);
  });

  test("a redirect is an answer, and nobody follows it", async () => {
    answer = (_request, response) => void response.writeHead(307, { location: `http://127.0.0.1:${port}/secret` }).end();
    expect(await webhookSender(addressRule(["127.0.0.1"]))(request("127.0.0.1"))).toMatchObject({ status: 307 });
    expect(requests).toEqual(["/hook"]);
  });

  test("an answer without end is read only so far", async () => {
    answer = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    };
    expect((await webhookSender(addressRule(["127.0.0.1"]))(request("127.0.0.1"))).body).toHaveLength(16 * 1024);
  });
});
