/** A source of randomness. Same seed, same sequence, on every machine. */
export interface Rng {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
  /** Uniform integer in [0, bound), bound up to 2^32. */
  int(bound: number): number;
  /** An independent generator named by `label`: adding one more use elsewhere does not shift this one. */
  fork(label: string): Rng;
}

/**
 * sfc32, seeded through a 32-bit hash of the seed and label.
 * @see Chris Doty-Humphrey, PractRand (sfc: small fast counting generator)
 */
export function seededRng(seed: number | string, label = ""): Rng {
  const text = `${seed}/${label}`;
  let a = hash32(text, 1);
  let b = hash32(text, 2);
  let c = hash32(text, 3);
  let d = 1;
  const u32 = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) u32();
  return {
    next: () => u32() / 4_294_967_296,
    int: (bound) => Math.floor((u32() / 4_294_967_296) * bound),
    fork: (name) => seededRng(seed, `${label}/${name}`),
  };
}

/** FNV-1a with a murmur3 finisher: a fast, stable 32-bit hash for sampling and routing, not for security. Result in [0, 2^32). */
export function hash32(text: string, salt = 0): number {
  let h = 0x81_1c_9d_c5 ^ salt;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01_00_01_93);
  h = Math.imul(h ^ (h >>> 16), 0x85_eb_ca_6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2_b2_ae_35);
  return (h ^ (h >>> 16)) >>> 0;
}
