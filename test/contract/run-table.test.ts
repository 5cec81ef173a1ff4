import { runTableContract } from "./run-table-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

runTableContract("sqlite", sqliteFixture);
