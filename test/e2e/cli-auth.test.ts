import { afterAll, expect, test } from "vitest";
import { karkhana, karkhanaUp, refusalOf } from "./command.ts";
import { openShop } from "./shop.ts";

/* Users and tokens by the command line, and running servers that follow it. */
const shop = await openShop();
afterAll(() => shop.close());
const data = shop.at("guarded");
const auth = (...args: string[]): ReturnType<typeof karkhana> => karkhana(["auth", ...args, "--project", shop.project, "--data", data]);

test("an address that others reach is refused while no user is known, before anything listens", async () => {
  const refusal = refusalOf(await karkhana(["up", "--host", "0.0.0.0", "--port", "0", "--serving-port", "0", "--project", shop.project, "--data", data]));
  expect(refusal).toMatchObject({ status: 1, code: "ACCESS_NOT_CONFIGURED", remedy: expect.stringMatching(/karkhana auth add-user/) });
});

test("a user with a token gets in, nobody else does, and the platform's own processes still reach each other", async () => {
  expect((await auth("list")).stdout).toMatch(/^No user is known/);
  expect((await auth("add-user", "ada", "--role", "editor")).stdout).toBe("add-user: done\n");
  expect(refusalOf(await auth("add-user", "ada", "--role", "editor"))).toMatchObject({ code: "USER_EXISTS" });
  expect(refusalOf(await auth("add-user", "eve", "--role", "king"))).toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringMatching(/viewer, editor, admin/),
  });
  expect(refusalOf(await auth("set-role"))).toMatchObject({ code: "INVALID_CONFIG", message: expect.stringMatching(/name: is required/) });
  const token = (await auth("add-token", "ada", "--label", "laptop", "--days", "3")).stdout.split("\n")[0]!;
  expect(token).toMatch(/^kk_/);
  const list = (await auth("list")).stdout;
  expect(list).toMatch(/^ada {2}editor\n {2}token [0-9a-f]{16} {2}laptop {2}until \d{4}-/);
  expect(list).not.toContain(token.slice(20));

  const up = await karkhanaUp(["--project", shop.project, "--data", data]);
  try {
    const status = async (url: string, authorization?: string): Promise<number> =>
      (await fetch(url, authorization === undefined ? {} : { headers: { authorization } })).status;
    for (const url of [`${up.controlUrl}/api/v1/serving`, `${up.servingUrl}/v1/stats`]) {
      expect(await status(url)).toBe(401);
      expect(await status(url, `Bearer ${token}`)).toBe(200);
      expect(await status(url, `Basic ${Buffer.from(`ada:${token}`).toString("base64")}`)).toBe(200);
    }
    expect(await status(`${up.controlUrl}/`)).toBe(200);
    const serving = (await (await fetch(`${up.controlUrl}/api/v1/serving`, { headers: { authorization: `Bearer ${token}` } })).json()) as {
      reachable: boolean;
    };
    expect(serving.reachable).toBe(true);
  } finally {
    await up.stop();
  }
});

test("adopt names what is wrong with what it was given", async () => {
  const adopt = async (...args: string[]): Promise<ReturnType<typeof refusalOf>> =>
    refusalOf(await karkhana(["adopt", ...args, "--project", shop.project, "--data", data]));
  expect(await adopt()).toMatchObject({ code: "INVALID_CONFIG", message: expect.stringMatching(/models:\/name\/version or a path: is required/) });
  expect(await adopt("models:/none/1")).toMatchObject({ status: 1, code: "VERSION_NOT_FOUND" });
  expect(await adopt("models:/none@champion")).toMatchObject({ status: 1, code: "REGISTERED_MODEL_NOT_FOUND" });
  expect(await adopt("file:///etc/passwd")).toMatchObject({
    status: 1,
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(/a file or folder that is there/),
  });
});
