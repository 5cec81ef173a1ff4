import { webhooksContract } from "./webhooks-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

webhooksContract("SQLite", sqliteFixture);
