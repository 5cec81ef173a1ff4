import { forecasting } from "./cases/forecasting.ts";
import { fraud } from "./cases/fraud.ts";
import { moderation } from "./cases/moderation.ts";
import { recommendation } from "./cases/recommendation.ts";
import { search } from "./cases/search.ts";
import type { DesignCase } from "./design-case.ts";

export const designCases: readonly DesignCase[] = [recommendation, fraud, search, moderation, forecasting];
