import { purgeContract } from "./purge-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

purgeContract("PostgreSQL", postgresFixture);
