// What the control process does on live traffic, at a time of the test's; the test kills it on the way. Arguments: project, data folder, address of serving, the time in microseconds.
import { ManualClock } from "../../../src/kernel/clock.ts";
import { lockRole } from "../../../src/server/role-lock.ts";
import { openLiveControl } from "../../e2e/live-world.ts";

const [project = "", data = "", servingUrl = "", nowUs = ""] = process.argv.slice(2);
await lockRole(data, "control");
const control = await openLiveControl(project, data, servingUrl, new ManualClock(Number(nowUs)), 30);
control.platform.watchLive();
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
