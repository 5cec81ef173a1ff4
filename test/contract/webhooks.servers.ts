import { webhooksContract } from "./webhooks-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

webhooksContract("PostgreSQL", postgresFixture);
