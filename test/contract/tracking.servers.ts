import { postgresFixture } from "./sql-fixture.ts";
import { trackingContract } from "./tracking-contract.ts";

trackingContract("PostgreSQL", postgresFixture);
