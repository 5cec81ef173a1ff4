import { parityContract } from "./parity-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

parityContract("SQLite", sqliteFixture);
