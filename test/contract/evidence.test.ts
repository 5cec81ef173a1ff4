import { evidenceContract } from "./evidence-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

evidenceContract("SQLite", sqliteFixture);
