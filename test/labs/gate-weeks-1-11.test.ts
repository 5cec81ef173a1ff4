import { gateBlocks } from "./gate.ts";

await gateBlocks(["weeks-1-3", "weeks-4-7", "weeks-8-11"]);
