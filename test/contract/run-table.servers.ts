import { runTableContract } from "./run-table-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

runTableContract("postgres", postgresFixture);
