import { sqliteFixture } from "./sql-fixture.ts";
import { trackingRecordsContract } from "./tracking-records-contract.ts";

trackingRecordsContract("SQLite", sqliteFixture);
