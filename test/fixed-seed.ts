import fc from "fast-check";

/*
 * Properties are tried on the same cases every time: what a change breaks is told by that change's tests, and not by somebody else's.
 * Other cases: KARKHANA_TEST_SEED=<number>; what fails with one is a true finding.
 */
fc.configureGlobal({ seed: Number(process.env["KARKHANA_TEST_SEED"] ?? 20_260_101) });
