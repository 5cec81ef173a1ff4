import { parityContract } from "./parity-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

parityContract("PostgreSQL", postgresFixture);
