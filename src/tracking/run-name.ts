/** A name a person can say, for runs that were given none; from the random digits at the end of the run's id, so a retry names it alike. */
export function runNameOf(runId: string): string {
  const digits = Number.parseInt(runId.slice(-8), 16);
  const adjective = adjectives[digits % adjectives.length]!;
  const noun = nouns[Math.floor(digits / adjectives.length) % nouns.length]!;
  return `${adjective}-${noun}-${Math.floor(digits / (adjectives.length * nouns.length)) % 1000}`;
}

const adjectives =
  "able amber bold brisk bright calm clear clever crisp eager fair fast fine fond gentle glad grand keen kind light lively loud merry mild neat nimble plain polite prime proud quick quiet rapid ready round sharp silent smart smooth solid spry steady still stout swift tidy warm wise witty young".split(
    " ",
  );
const nouns =
  "anvil arch barge beam bell bench bolt bridge brush canal chisel clock cog crane crank drill engine file flute forge gauge gear hammer harbour kiln lamp lathe lens lever lock loom mast mill mortar needle oar pier plane pulley quill rail rivet saw sextant shuttle spindle spring tongs vise wheel".split(
    " ",
  );
