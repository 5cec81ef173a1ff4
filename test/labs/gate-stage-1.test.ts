import { pca } from "../../src/path/labs/list/lab-06-pca.ts";
import { gate } from "./gate.ts";
import { mutants as pcaMutants } from "./lab-06/mutants.ts";

gate(pca, pcaMutants);
