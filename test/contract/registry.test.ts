import { registryContract } from "./registry-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

registryContract("SQLite", sqliteFixture);
