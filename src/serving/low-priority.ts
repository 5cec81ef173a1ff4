/**
 * To be imported first by a thread whose work may wait: where all processors are busy, the thread that answers requests then goes first.
 * On Linux a priority is a thread's; elsewhere it would be the whole process', which has to answer.
 */
import { constants, setPriority } from "node:os";

if (process.platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
