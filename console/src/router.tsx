import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { Frame, NotFound } from "./frame.tsx";
import { DataPage, DatasetPage } from "./pages/data.tsx";
import { FeaturesPage } from "./pages/features.tsx";
import { LoopPage } from "./pages/loop.tsx";
import { ModelPage, ModelsPage } from "./pages/models.tsx";
import { MonitoringPage } from "./pages/monitoring.tsx";
import { PipelinePage, PipelinesPage } from "./pages/pipelines.tsx";
import { RunPage } from "./pages/run.tsx";
import { RunsPage } from "./pages/runs.tsx";
import { ServingPage } from "./pages/serving.tsx";

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });
const under = { getParentRoute: () => root };

const tree = root.addChildren([
  createRoute({ ...under, path: "/", component: LoopPage }),
  createRoute({ ...under, path: "/data", component: DataPage }),
  createRoute({ ...under, path: "/data/$hash", component: DatasetPage }),
  createRoute({ ...under, path: "/features", component: FeaturesPage }),
  createRoute({ ...under, path: "/runs", component: RunsPage }),
  createRoute({ ...under, path: "/runs/$runId", component: RunPage }),
  createRoute({ ...under, path: "/models", component: ModelsPage }),
  createRoute({ ...under, path: "/models/$name", component: ModelPage }),
  createRoute({ ...under, path: "/serving", component: ServingPage }),
  createRoute({ ...under, path: "/monitoring", component: MonitoringPage }),
  createRoute({ ...under, path: "/pipelines", component: PipelinesPage }),
  createRoute({ ...under, path: "/pipelines/$runId", component: PipelinePage }),
]);

export const router = createRouter({ routeTree: tree, scrollRestoration: false });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
