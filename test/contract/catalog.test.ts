import { catalogContract } from "./catalog-contract.ts";
import { sqliteFixture } from "./sql-fixture.ts";

catalogContract("SQLite", sqliteFixture);
