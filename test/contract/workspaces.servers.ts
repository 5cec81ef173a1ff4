import { postgresFixture } from "./sql-fixture.ts";
import { workspacesContract } from "./workspaces-contract.ts";

workspacesContract("PostgreSQL", postgresFixture);
