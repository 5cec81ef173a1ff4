import type { CareerNote } from "./types.ts";

type Kind = CareerNote["kind"];
const note = (id: string, kind: Kind, title: string, row: number, note?: string): CareerNote => ({
  id,
  kind,
  title,
  source: "source-b",
  ...(note === undefined ? {} : { note }),
  rows: [row],
});

/** Source B's side: routes, degrees, ladder, neighbours, exams, and what speaks for and against. */
export const careers: readonly CareerNote[] = [
  note(
    "route-masters",
    "route",
    "A degree in computer science, a master's in machine learning, a job",
    128,
    "called the first route; CMU, Stanford, IIT Madras, IIIT Hyderabad are named",
  ),
  note("route-internal", "route", "From software development (SDE) by a move inside the company", 128),
  note("degree-bachelor-or-master", "degree", "BTech or MTech in computer science or electronics (CS, ECE)", 128),
  note("degree-masters-preferred", "degree", "A master's in machine learning or AI, preferred", 128),
  note("degree-systems", "degree", "A strong background in systems", 128),
  note("ladder-engineer", "ladder", "Machine-learning engineer", 129),
  note("ladder-senior", "ladder", "Senior", 129),
  note("ladder-staff", "ladder", "Staff", 129),
  note("ladder-principal", "ladder", "Principal engineer or lead", 129),
  note("ladder-director", "ladder", "Director of AI", 129),
  note("related-data-scientist", "related-career", "Data scientist", 129),
  note("related-software-engineer", "related-career", "Software engineer", 129),
  note("exam-jee-main", "exam", "JEE Main", 129, "entrance to Indian engineering degrees"),
  note("exam-gate-cse", "exam", "GATE CSE", 129, "entrance to Indian master's degrees in computer science"),
  note("pro-pay", "pro", "The best paid of the frontier roles", 130),
  note("pro-growth", "pro", "The field still grows fast", 130),
  note("pro-foreign-payroll", "pro", "Roles on foreign payrolls", 130),
  note("con-change", "con", "The field changes every six months, so learning never ends", 130),
  note("con-prerequisites", "con", "Strong mathematics and computer science come first", 130),
  note("con-compression", "con", "Pay gives way slightly as supply grows", 130),
];
