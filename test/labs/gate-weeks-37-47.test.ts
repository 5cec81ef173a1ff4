import { gateBlocks } from "./gate.ts";

await gateBlocks(["weeks-37-41", "weeks-42-47"]);
