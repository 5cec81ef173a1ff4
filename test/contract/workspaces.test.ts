import { sqliteFixture } from "./sql-fixture.ts";
import { workspacesContract } from "./workspaces-contract.ts";

workspacesContract("SQLite", sqliteFixture);
