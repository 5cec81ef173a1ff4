/** Hyperparameters by LightGBM's names (camel case). */
export interface GbdtParams {
  readonly numIterations: number;
  readonly learningRate: number;
  readonly numLeaves: number;
  /** -1 = no limit. */
  readonly maxDepth: number;
  readonly minDataInLeaf: number;
  readonly minSumHessianInLeaf: number;
  readonly lambdaL2: number;
  readonly minGainToSplit: number;
  readonly maxBin: number;
  readonly featureFraction: number;
  readonly baggingFraction: number;
  readonly baggingFreq: number;
  /** Rounds without improvement of the validation log loss before training stops; 0 = never. */
  readonly earlyStoppingRounds: number;
  /** Smoothing and limits of categorical splits, as in LightGBM. */
  readonly catSmooth: number;
  readonly catL2: number;
  readonly maxCatThreshold: number;
  readonly seed: number;
}

export const defaultGbdtParams: GbdtParams = {
  numIterations: 200,
  learningRate: 0.1,
  numLeaves: 63,
  maxDepth: -1,
  minDataInLeaf: 20,
  minSumHessianInLeaf: 1e-3,
  lambdaL2: 0,
  minGainToSplit: 0,
  maxBin: 255,
  featureFraction: 1,
  baggingFraction: 1,
  baggingFreq: 0,
  earlyStoppingRounds: 20,
  catSmooth: 10,
  catL2: 10,
  maxCatThreshold: 32,
  seed: 1,
};
