import { purgeContract } from "./purge-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

purgeContract("SQLite", sqliteFixture);
