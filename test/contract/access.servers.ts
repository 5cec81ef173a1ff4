import { accessContract } from "./access-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

accessContract("PostgreSQL", postgresFixture);
