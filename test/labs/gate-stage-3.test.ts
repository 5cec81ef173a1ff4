import { hyperparameterSearch } from "../../src/path/labs/list/lab-41-hyperparameter-search.ts";
import { pointInTime } from "../../src/path/labs/list/lab-40-point-in-time.ts";
import { gate } from "./gate.ts";
import { mutants as hyperparameterSearchMutants } from "./lab-41/mutants.ts";
import { mutants as pointInTimeMutants } from "./lab-40/mutants.ts";

gate(pointInTime, pointInTimeMutants);
gate(hyperparameterSearch, hyperparameterSearchMutants);
