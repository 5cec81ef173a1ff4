import { gateBlocks } from "./gate.ts";

await gateBlocks(["weeks-12-16"]);
