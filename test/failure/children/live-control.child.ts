// What the control process does on live traffic, at a time of the test's, until a transaction at which it kills itself: before it, or after it is done.
// Arguments: project, data folder, address of serving, the time in microseconds, the transaction's number, "before" or "after".
import { ManualClock } from "../../../src/kernel/clock.ts";
import { lockRole } from "../../../src/server/role-lock.ts";
import { openLiveControl } from "../../e2e/live-world.ts";

const [project = "", data = "", servingUrl = "", nowUs = "", killAt = "", when = ""] = process.argv.slice(2);
await lockRole(data, "control");
const control = await openLiveControl(project, data, servingUrl, new ManualClock(Number(nowUs)), 30);
const { database } = control.stores;
const transaction = database.transaction.bind(database);
let transactions = 0;
database.transaction = async (work) => {
  transactions++;
  const isLast = transactions === Number(killAt);
  if (isLast && when === "before") process.kill(process.pid, "SIGKILL");
  const result = await transaction(work);
  if (isLast) process.kill(process.pid, "SIGKILL");
  return result;
};
control.platform.watchLive();
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
