import { registryContract } from "./registry-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

registryContract("PostgreSQL", postgresFixture);
