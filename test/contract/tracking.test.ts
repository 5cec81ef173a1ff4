import { sqliteFixture } from "./sql-fixture.ts";
import { trackingContract } from "./tracking-contract.ts";

trackingContract("SQLite", sqliteFixture);
