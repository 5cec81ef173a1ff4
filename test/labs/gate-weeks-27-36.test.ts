import { gateBlocks } from "./gate.ts";

await gateBlocks(["weeks-27-31", "weeks-32-36"]);
