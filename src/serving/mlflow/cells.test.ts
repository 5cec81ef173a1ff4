import { afterAll, beforeAll, expect, test } from "vitest";
import { statusOf } from "../../server/error-status.ts";
import { openWorld, type World } from "../test-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld({ statusOf });
});
afterAll(() => world.close());

async function scored(csv: string): Promise<{ status: number; body: { predictions?: number[]; message?: string } }> {
  const response = await fetch(`${world.url}/invocations`, { method: "POST", headers: { "content-type": "text/csv" }, body: csv });
  return { status: response.status, body: (await response.json()) as { predictions?: number[]; message?: string } };
}
const fields = (miles: string, shared = "1"): string => `miles,shared,zone\n${miles},${shared},AAA\n`;
const slots = (miles: string): string => `miles,shared,zone,zone.rides_2h,zone.late_2h\n${miles},1,AAA,1,0.5\n`;

test.each(["True", "TRUE", "true", "False", "FALSE", "false", "1", "0", "1.0"])("a truth value written %s is read", async (shared) => {
  expect((await scored(fields("3", shared))).status).toBe(200);
});

test.each(["3", "3.0", "+3", "3.", ".3e1", "3e0", " 3 "])("a number written %s is read as 3", async (miles) => {
  expect(await scored(fields(miles))).toEqual(await scored(fields("3")));
});

test.each(["0x10", "0b1", "0o7", "1_000", '"1,000"', "3 miles", "--3", "e5"])("%s is no number, as it is none for pandas", async (miles) => {
  const { status, body } = await scored(fields(miles));
  expect([status, body.message]).toEqual([
    400,
    expect.stringMatching(/^TENSOR_REFUSED: Tensor miles: row 0 is .*expected a number\. Send one of dataframe_split/),
  ]);
});

test.each(["inf", "Infinity", "+Inf", "-inf"])("%s is infinite among features, and no value of a field", async (miles) => {
  expect((await scored(slots(miles))).status).toBe(200);
  expect((await scored(fields(miles))).status).toBe(400);
});
