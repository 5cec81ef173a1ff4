import { evidenceContract } from "./evidence-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

evidenceContract("PostgreSQL", postgresFixture);
