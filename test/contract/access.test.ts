import { accessContract } from "./access-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

accessContract("SQLite", sqliteFixture);
