import { expect, test } from "vitest";
import { errorCatalogue, type ErrorCode } from "../kernel/error-catalogue.ts";
import { statusOf } from "./error-status.ts";

const codes = Object.keys(errorCatalogue) as ErrorCode[];

test("every code of the catalogue has an error status", () => {
  expect(codes.filter((code) => ![400, 401, 403, 404, 409, 413, 415, 416, 422, 429, 500, 501, 502, 503, 504, 507].includes(statusOf(code)))).toEqual([]);
});

test("what is worth trying again is never called the caller's mistake", () => {
  expect(codes.filter((code) => errorCatalogue[code].retryable && statusOf(code) === 400)).toEqual([]);
});

test("bad input, absent things, refusals and defects are told apart", () => {
  expect([statusOf("INVALID_ARGUMENT"), statusOf("RUN_NOT_FOUND"), statusOf("PROOF_MISSING"), statusOf("INTERNAL"), statusOf("SERVER_OVERLOADED")]).toEqual([
    400, 404, 409, 500, 503,
  ]);
});
