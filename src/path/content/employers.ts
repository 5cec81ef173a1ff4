import type { Employer, SourceId } from "./types.ts";

const a: readonly SourceId[] = ["source-a"];
const b: readonly SourceId[] = ["source-b"];
const both: readonly SourceId[] = ["source-a", "source-b"];
const employer = (id: string, name: string, sources: readonly SourceId[], ...letters: readonly ("a" | "b" | "c" | "d")[]): Employer => ({
  id,
  name,
  sources,
  trackIds: letters.map((letter) => `track-${letter}`),
  rows: [...(sources.includes("source-a") ? [126] : []), ...(sources.includes("source-b") ? [127] : [])],
});

/** Named by a source as hiring for the role; no endorsement and no advertisement. */
export const employers: readonly Employer[] = [
  employer("amazon", "Amazon", both, "a"),
  employer("dream11", "Dream11", a, "a"),
  employer("flipkart", "Flipkart", a, "a"),
  employer("hotstar", "Hotstar", a, "a"),
  employer("meesho", "Meesho", a, "a"),
  employer("nykaa", "Nykaa", a, "a"),
  employer("swiggy", "Swiggy", both, "a"),
  employer("sarvam", "Sarvam AI", both, "b"),
  employer("microsoft-research", "Microsoft Research India", both, "b"),
  employer("deepmind", "Google DeepMind India", both, "b"),
  employer("krutrim", "Krutrim", both, "b"),
  employer("nvidia", "NVIDIA India", a, "c"),
  employer("qure-ai", "Qure.ai", a, "c"),
  employer("niramai", "Niramai", a, "c"),
  employer("ola", "Ola Electric AI", a, "c"),
  employer("mahindra", "Mahindra", a, "c"),
  employer("microsoft", "Microsoft's capability centre", a, "d"),
  employer("adobe", "Adobe", a, "d"),
  employer("walmart", "Walmart Global Tech", a, "d"),
  employer("razorpay", "Razorpay", both, "d"),
  employer("phonepe", "PhonePe", both, "d"),
  employer("google", "Google", a),
  employer("yotta", "Yotta", b),
  employer("openai", "OpenAI", b),
  employer("anthropic", "Anthropic", b),
];
