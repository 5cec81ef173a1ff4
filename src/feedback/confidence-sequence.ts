/**
 * Half-width of the asymptotic confidence sequence of a mean: an interval that holds at every look at once, so that a running comparison
 * may be looked at after every label and stopped whenever it is decided, without raising the share of false alarms above alpha.
 *
 *   rho^2 = (-2 ln alpha + ln(1 - 2 ln alpha)) / N*          width is least about N*
 *   width = se sqrt(n) sqrt(2 (n rho^2 + 1) / (n rho)^2 · ln(sqrt(n rho^2 + 1) / alpha))
 *
 * @param standardError of the estimate now; of a difference of two arms, sqrt(s1^2/n1 + s2^2/n2)
 * @param n             observations behind it, of both arms together
 * @param alpha         chance that the interval ever misses the truth
 * @param tuneFor       N*, the n at which a decision is expected; to be chosen before looking
 * @see Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, Time-uniform central limit theory and asymptotic confidence sequences (2021);
 *      the two-arm form is that of GrowthBook's gbstats (sequential tests), whose published value the test holds
 */
export function confidenceHalfWidth(standardError: number, n: number, alpha: number, tuneFor: number): number {
  const rho2 = (-2 * Math.log(alpha) + Math.log(1 - 2 * Math.log(alpha))) / tuneFor;
  const grown = n * rho2 + 1;
  return standardError * Math.sqrt(n) * Math.sqrt((2 * grown * Math.log(Math.sqrt(grown) / alpha)) / (n * n * rho2));
}
