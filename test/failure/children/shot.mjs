/**
 * Before a program (`node --import shot.mjs`): shoots it with SIGKILL from a thread beside it, KARKHANA_TEST_SHOT="<lines> <ms> <more>": so many
 * milliseconds after the line of its output that is named. From there it says at most `more` lines and then stands still until the shot:
 * whatever the machine does meanwhile, it is shot, and not when it is long done.
 */
import process from "node:process";
import { isMainThread, Worker } from "node:worker_threads";

const plan = process.env["KARKHANA_TEST_SHOT"];
// Not its threads and children, which inherit the flag.
delete process.env["KARKHANA_TEST_SHOT"];
if (isMainThread && plan !== undefined) {
  const [lines, ms, more] = plan.split(" ").map(Number);
  const armed = new Int32Array(new SharedArrayBuffer(4));
  const gun = `
    const { workerData: { armed, ms } } = require("node:worker_threads");
    Atomics.wait(armed, 0, 0);
    Atomics.wait(armed, 0, 1, ms);
    process.kill(process.pid, "SIGKILL");`;
  new Worker(gun, { eval: true, execArgv: [], workerData: { armed, ms } }).unref();
  const write = process.stdout.write.bind(process.stdout);
  let said = 0;
  process.stdout.write = (chunk, ...rest) => {
    const taken = write(chunk, ...rest);
    for (const character of String(chunk)) if (character === "\n") said++;
    if (said >= lines && armed[0] === 0) {
      armed[0] = 1;
      Atomics.notify(armed, 0);
    }
    if (said >= lines + more) Atomics.wait(armed, 0, 1);
    return taken;
  };
}
