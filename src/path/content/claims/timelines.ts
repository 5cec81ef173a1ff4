import type { Claim } from "../types.ts";

const months = (id: string, subject: string, low: number, high: number, place: string, note?: string): Claim => ({
  id,
  source: "source-a",
  kind: "timeline",
  subject,
  unit: "months",
  low,
  high,
  place,
  ...(note === undefined ? {} : { note }),
  rows: [117],
});
const says = (id: string, subject: string, place: string): Claim => ({ id, source: "source-a", kind: "statement", subject, unit: "none", place, rows: [117] });

/** How long, and what to skip, by background. Only Source A says. */
export const timelines: readonly Claim[] = [
  months("time-a-engineer-header", "from software engineering", 18, 24, "page header", "the answers to questions repeat it for a strong base of focused work"),
  months("time-a-engineer-lateral", "software engineer, to a first interview", 12, 16, "lateral entry"),
  months("time-a-scientist-lateral", "data scientist", 8, 12, "lateral entry"),
  months("time-a-scientist-and-ai-faq", "data scientist or AI engineer, one figure for both", 8, 14, "answers to questions"),
  months("time-a-ai-engineer-lateral", "AI engineer, to senior machine-learning engineer", 10, 14, "lateral entry"),
  months("time-a-ai-engineer-role", "to become an AI engineer instead", 9, 18, "answers to questions"),
  months("time-a-academic-lateral", "academic, to a first role in industry", 6, 10, "lateral entry"),
  months("time-a-academic-engineering", "academic, spent on stage 1 engineering and algorithms", 3, 4, "lateral entry"),
  months("time-a-zero", "from zero or outside technology", 28, 36, "page header and answers to questions"),
  months("time-a-non-tech-lateral", "outside technology, with quantitative aptitude", 30, 40, "lateral entry"),
  months("time-a-non-tech-step", "each change of role on the way: analyst, data scientist, machine-learning engineer", 12, 18, "lateral entry"),

  { ...months("calendar-a-months", "stages 1 to 3 by the calendar", 18, 18, "stages"), rows: [108] },
  {
    ...months("calendar-a-weeks", "their 47 weeks of topics end in month", 10.8, 10.8, "week blocks", "47 weeks of 7 days over months of 30.4 days"),
    rows: [109],
  },
  { ...says("calendar-a-stage-3", "stage 3 lasts to month 18", "stages"), rows: [108] },
  { ...says("calendar-a-stage-4", "stage 4 fills years 2 and 3, so it begins with month 12", "stages"), rows: [108] },

  says("plan-a-engineer-lateral-skip", "skip weeks 1-3, 8-11 and parts of 12-16, which are not named", "lateral entry"),
  says("plan-a-engineer-faq-skip", "skip weeks 1-3 and 8-11; weeks 12-16 are not mentioned", "answers to questions"),
  says("plan-a-engineer-focus", "work hardest on weeks 4-7 and all of stage 2", "lateral entry"),
  says("plan-a-scientist-start", "start at week 8, then jump to week 27", "lateral entry"),
  says("plan-a-scientist-algorithms", "spend time on algorithms; no week is named", "lateral entry"),
  says("plan-a-scientist-faq", "start at week 8, then week 12 for algorithms, then jump to week 27", "answers to questions"),
  says("plan-a-ai-engineer-focus", "weeks 4-7, deep learning, and training pipelines", "lateral entry"),
  says("plan-a-academic-focus", "stage 1 engineering and algorithms, intensively", "lateral entry"),
  says("plan-a-non-tech-order", "data analyst first, then data scientist, then this roadmap", "lateral entry"),
];
