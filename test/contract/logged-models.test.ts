import { loggedModelsContract } from "./logged-models-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

loggedModelsContract("SQLite", sqliteFixture);
