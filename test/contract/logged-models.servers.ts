import { loggedModelsContract } from "./logged-models-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

loggedModelsContract("PostgreSQL", postgresFixture);
