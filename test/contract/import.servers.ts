import { importContract } from "./import-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

importContract("PostgreSQL", postgresFixture);
