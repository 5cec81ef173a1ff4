import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { Frame, NotFound } from "./frame.tsx";
import { ComparePage, type CompareAddress } from "./pages/compare.tsx";
import { DataPage, DatasetPage } from "./pages/data.tsx";
import { ExperimentsPage } from "./pages/experiments.tsx";
import { FeaturesPage } from "./pages/features.tsx";
import { LoopPage } from "./pages/loop.tsx";
import { ModelPage, ModelsPage } from "./pages/models.tsx";
import { MonitoringPage } from "./pages/monitoring.tsx";
import { PipelinePage, PipelinesPage } from "./pages/pipelines.tsx";
import { RunPage } from "./pages/run.tsx";
import { RunsPage } from "./pages/runs.tsx";
import { ServingPage } from "./pages/serving.tsx";
import { readAddress, type RunsAddress } from "./runs/address.ts";

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });
const under = { getParentRoute: () => root };

const tree = root.addChildren([
  createRoute({ ...under, path: "/", component: LoopPage }),
  createRoute({ ...under, path: "/data", component: DataPage }),
  createRoute({ ...under, path: "/data/$hash", component: DatasetPage }),
  createRoute({ ...under, path: "/features", component: FeaturesPage }),
  createRoute({ ...under, path: "/experiments", component: ExperimentsPage }),
  createRoute({ ...under, path: "/runs", component: RunsPage, validateSearch: (search: Record<string, unknown>): RunsAddress => readAddress(search) }),
  createRoute({ ...under, path: "/compare", component: ComparePage, validateSearch: (search: Record<string, unknown>): CompareAddress => texts(search) }),
  createRoute({ ...under, path: "/runs/$runId", component: RunPage }),
  createRoute({ ...under, path: "/models", component: ModelsPage }),
  createRoute({ ...under, path: "/models/$name", component: ModelPage }),
  createRoute({ ...under, path: "/serving", component: ServingPage }),
  createRoute({ ...under, path: "/monitoring", component: MonitoringPage }),
  createRoute({ ...under, path: "/pipelines", component: PipelinesPage }),
  createRoute({ ...under, path: "/pipelines/$runId", component: PipelinePage }),
]);

// Values of an address are plain text, as everywhere else on the web; the router's own way is JSON.
const parseSearch = (text: string): Record<string, string> => Object.fromEntries(new URLSearchParams(text));

function texts(search: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(search).flatMap(([k, v]) => (typeof v === "string" && v !== "" ? [[k, v]] : [])));
}

function stringifySearch(search: Readonly<Record<string, unknown>>): string {
  const text = new URLSearchParams(texts(search)).toString();
  return text === "" ? "" : `?${text}`;
}

export const router = createRouter({ routeTree: tree, scrollRestoration: false, parseSearch, stringifySearch });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
