import { queryOptions } from "@tanstack/react-query";
import type {
  AnsweredSheet,
  EvidenceLine,
  GradedLab,
  LabPage,
  LoggedEvent,
  PathLab,
  PathOverview,
  PathPlan,
  Roadmap,
  StoredSheet,
} from "../../../src/server/path-api.ts";
import { queries, request } from "../requests.ts";

const enc = encodeURIComponent;
const get = <T>(path: string) => queryOptions({ queryKey: ["path", path], queryFn: ({ signal }) => request<T>(path, { signal }) });

export const askPath = {
  /** Never changes while a page is open. */
  content: () => queryOptions({ ...get<Roadmap>("/path/content"), queryKey: ["path-content"] }),
  overview: () => get<PathOverview>("/path"),
  labs: () => get<readonly PathLab[]>("/path/labs"),
  lab: (number: string) => get<LabPage>(`/path/labs/${enc(number)}`),
  sheets: () => get<readonly StoredSheet[]>("/path/sheets"),
  events: () => get<readonly LoggedEvent[]>("/path/events"),
  sheet: (id: string) => get<StoredSheet>(`/path/sheets/${enc(id)}`),
};

async function post<T>(path: string, body: object = {}): Promise<T> {
  const answer = await request<T>(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  // Whatever was done may change where a person stands.
  await queries.invalidateQueries({ queryKey: ["path"] });
  return answer;
}

export interface PlanForm {
  readonly backgroundId: string;
  readonly trackId?: string;
  readonly start: string;
  readonly hoursPerWeek: number;
  readonly hoursPerRoadmapWeek: number;
}

export type Language = "typescript" | "javascript" | "python";
export interface Code {
  readonly language: Language;
  readonly source: string;
}

export const doPath = {
  savePlan: (form: PlanForm) => post<PathPlan>("/path/plan", form),
  keep: () => post<readonly EvidenceLine[]>("/path/keep"),
  attest: (subject: string, byName: string, statement: string) => post<EvidenceLine>("/path/attest", { subject, byName, statement }),
  fileIncident: (report: object) => post<EvidenceLine>("/path/incident", report),
  gradeLab: (number: number, code: Code) => post<GradedLab>(`/path/labs/${number}/grade`, code),
  startSheet: (body: { kind: "drift" } | { kind: "design"; subject?: string } | { kind: "interview"; round: number }) =>
    post<StoredSheet>("/path/sheets", body),
  answer: (id: string, answers: Readonly<Record<string, string | readonly string[]>>, code?: Code) =>
    post<AnsweredSheet>(`/path/sheets/${enc(id)}/answer`, { answers, ...(code === undefined ? {} : { code }) }),
};
