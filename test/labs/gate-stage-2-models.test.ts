import { attention } from "../../src/path/labs/list/lab-32-attention.ts";
import { calibration } from "../../src/path/labs/list/lab-26-calibration.ts";
import { gate } from "./gate.ts";
import { mutants as attentionMutants } from "./lab-32/mutants.ts";
import { mutants as calibrationMutants } from "./lab-26/mutants.ts";

gate(calibration, calibrationMutants);
gate(attention, attentionMutants);
