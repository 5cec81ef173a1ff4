import { importContract } from "./import-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

importContract("SQLite", sqliteFixture);
