import { catalogContract } from "./catalog-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

catalogContract("PostgreSQL", postgresFixture);
