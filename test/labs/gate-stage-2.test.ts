import { psi } from "../../src/path/labs/list/lab-43-psi.ts";
import { softmaxCrossEntropy } from "../../src/path/labs/list/lab-25-softmax-cross-entropy.ts";
import { gate } from "./gate.ts";
import { mutants as softmaxCrossEntropyMutants } from "./lab-25/mutants.ts";
import { mutants as psiMutants } from "./lab-43/mutants.ts";

gate(softmaxCrossEntropy, softmaxCrossEntropyMutants);
gate(psi, psiMutants);
