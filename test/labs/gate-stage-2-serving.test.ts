import { dynamicBatcher } from "../../src/path/labs/list/lab-35-dynamic-batcher.ts";
import { int8 } from "../../src/path/labs/list/lab-36-int8.ts";
import { positionBias } from "../../src/path/labs/list/lab-38-position-bias.ts";
import { gate } from "./gate.ts";
import { mutants as dynamicBatcherMutants } from "./lab-35/mutants.ts";
import { mutants as int8Mutants } from "./lab-36/mutants.ts";
import { mutants as positionBiasMutants } from "./lab-38/mutants.ts";

gate(dynamicBatcher, dynamicBatcherMutants);
gate(int8, int8Mutants);
gate(positionBias, positionBiasMutants);
