import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { Frame, NotFound } from "./frame.tsx";
import { ComparePage, type CompareAddress } from "./pages/compare.tsx";
import { DataPage, DatasetPage } from "./pages/data.tsx";
import { ExperimentsPage } from "./pages/experiments.tsx";
import { FeaturesPage } from "./pages/features.tsx";
import { FeatureViewPage } from "./pages/feature-view.tsx";
import { LoopPage } from "./pages/loop.tsx";
import { ModelPage, ModelsPage } from "./pages/models.tsx";
import { MonitoringPage } from "./pages/monitoring.tsx";
import { PathDrillsPage, PathSheetPage } from "./pages/path-drills.tsx";
import { PathLabPage, PathLabsPage } from "./pages/path-labs.tsx";
import { PathMarketPage } from "./pages/path-market.tsx";
import { PathPlanPage } from "./pages/path-plan.tsx";
import { PathPortfolioPage } from "./pages/path-portfolio.tsx";
import { PathBlockPage, PathTopicPage, PathTrackPage } from "./pages/path-topics.tsx";
import { PathPage } from "./pages/path.tsx";
import { PipelinePage, PipelinesPage } from "./pages/pipelines.tsx";
import { RunPage } from "./pages/run.tsx";
import { RunsPage } from "./pages/runs.tsx";
import { ServingPage } from "./pages/serving.tsx";
import { VersionPage } from "./pages/version.tsx";
import { readAddress, type RunsAddress } from "./runs/address.ts";

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });
const under = { getParentRoute: () => root };

const tree = root.addChildren([
  createRoute({ ...under, path: "/", component: LoopPage }),
  createRoute({ ...under, path: "/data", component: DataPage }),
  createRoute({ ...under, path: "/data/$hash", component: DatasetPage }),
  createRoute({ ...under, path: "/features", component: FeaturesPage }),
  createRoute({ ...under, path: "/features/$hash", component: FeatureViewPage }),
  createRoute({ ...under, path: "/experiments", component: ExperimentsPage }),
  createRoute({ ...under, path: "/runs", component: RunsPage, validateSearch: (search: Record<string, unknown>): RunsAddress => readAddress(search) }),
  createRoute({ ...under, path: "/compare", component: ComparePage, validateSearch: (search: Record<string, unknown>): CompareAddress => texts(search) }),
  createRoute({ ...under, path: "/runs/$runId", component: RunPage }),
  createRoute({ ...under, path: "/models", component: ModelsPage }),
  createRoute({ ...under, path: "/models/$name", component: ModelPage }),
  createRoute({ ...under, path: "/models/$name/versions/$version", component: VersionPage }),
  createRoute({ ...under, path: "/serving", component: ServingPage }),
  createRoute({ ...under, path: "/monitoring", component: MonitoringPage }),
  createRoute({ ...under, path: "/pipelines", component: PipelinesPage }),
  createRoute({ ...under, path: "/pipelines/$runId", component: PipelinePage }),
  createRoute({ ...under, path: "/path", component: PathPage }),
  createRoute({ ...under, path: "/path/plan", component: PathPlanPage }),
  createRoute({ ...under, path: "/path/labs", component: PathLabsPage }),
  createRoute({ ...under, path: "/path/labs/$lab", component: PathLabPage }),
  createRoute({ ...under, path: "/path/drills", component: PathDrillsPage }),
  createRoute({ ...under, path: "/path/drills/$id", component: PathSheetPage }),
  createRoute({ ...under, path: "/path/portfolio", component: PathPortfolioPage }),
  createRoute({ ...under, path: "/path/market", component: PathMarketPage }),
  createRoute({ ...under, path: "/path/blocks/$id", component: PathBlockPage }),
  createRoute({ ...under, path: "/path/topics/$id", component: PathTopicPage }),
  createRoute({ ...under, path: "/path/tracks/$id", component: PathTrackPage }),
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
