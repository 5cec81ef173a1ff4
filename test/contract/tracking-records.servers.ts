import { postgresFixture } from "./sql-fixture.ts";
import { trackingRecordsContract } from "./tracking-records-contract.ts";

trackingRecordsContract("PostgreSQL", postgresFixture);
