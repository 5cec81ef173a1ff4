import { gateBlocks } from "./gate.ts";

await gateBlocks(["weeks-17-20", "weeks-21-26"]);
