/** The control role: console and API, monitors, pipelines; runs the project's loop when asked to. Started by the supervisor. */
import { latestExchanges } from "../feedback/exchanges.ts";
import { toErrorRecord } from "../kernel/error.ts";
import { loadProject } from "../project/load.ts";
import { createDeliverer } from "../registry/webhooks/deliverer.ts";
import { createOutbox } from "../registry/webhooks/outbox.ts";
import { namesIn, priceOf, readConfiguration, watchEveryOf } from "../server/configuration.ts";
import { openStores } from "../server/compose.ts";
import { createControl } from "../server/control.ts";
import { adoptDefinitions } from "../server/definition-start.ts";
import { openPathDesk } from "../server/path-desk.ts";
import { ownAddress } from "../serving/http-guard.ts";
import { openPlatform } from "../server/platform.ts";
import { lockRole } from "../server/role-lock.ts";
import { stopwatch, systemClock } from "../server/system.ts";
import { createComparisons } from "../workflows/comparisons.ts";
import { runLoop } from "../workflows/run-loop.ts";
import { endWithSupervisor, tellSupervisor } from "./messages.ts";
import { readProcessArguments } from "./process-arguments.ts";

const ending = endWithSupervisor();
try {
  const args = readProcessArguments(process.argv);
  await lockRole(args.dataFolder, "control");
  const project = await loadProject(args.projectFile);
  const configuration = readConfiguration(process.env);
  const stores = await openStores(args.dataFolder, configuration);
  const servingUrl = `http://${ownAddress(args.host)}:${args.servingPort ?? 0}`;
  const platform = await openPlatform(project, stores, servingUrl, watchEveryOf(configuration));
  const price = configuration.servingPrice === undefined ? undefined : priceOf(configuration.servingPrice);
  const control = await createControl(
    {
      project: project.definition,
      datasets: stores.datasets,
      tracking: stores.tracking,
      workspaces: stores.workspaces,
      registry: stores.registry,
      catalog: stores.catalog,
      directory: stores.directory,
      gate: stores.gate,
      webhooks: stores.webhooks,
      pipelines: stores.pipelines,
      monitoring: stores.monitoring,
      parity: stores.parity,
      definitions: stores.definitions,
      explorer: platform.explorer,
      blobs: stores.blobs,
      feedback: platform.feedback,
      exchanges: latestExchanges(stores.folder.logFolder),
      comparisons: createComparisons({ registry: stores.registry, logFolder: stores.folder.logFolder, timerMs: stopwatch }),
      progress: platform.board,
      clock: platform.eventClock,
      path: openPathDesk({ rooms: { ...stores, feedback: platform.feedback }, project: project.definition, database: stores.database, clock: systemClock }),
    },
    {
      host: args.host,
      port: args.port,
      servingUrl,
      servingToken: stores.internalToken,
      ...(price === undefined ? {} : { servingPrice: price }),
      allowedHosts: [...namesIn(configuration.allowedHosts), ownAddress(args.host)],
    },
  );
  const deliverer = createDeliverer({ ...stores.webhooks, webhooks: stores.webhooks.receivers, outbox: createOutbox(stores.database, systemClock) });
  deliverer.start();
  ending.by(async () => {
    await control.close();
    await deliverer.stop();
    await platform.close();
    await stores.close();
  });
  for (const event of await adoptDefinitions(project, stores, systemClock)) platform.board.tell(event);
  platform.board.subscribe((event) => tellSupervisor({ kind: "loop", event, progress: platform.board.current() }));
  tellSupervisor({ kind: "ready", url: control.url });
  const loop = args.loop === true ? runLoop(platform) : undefined;
  platform.watchLive(loop);
  if (loop !== undefined) {
    loop.then(
      () => tellSupervisor({ kind: "loop-ended", error: null }),
      (error: unknown) => tellSupervisor({ kind: "loop-ended", error: toErrorRecord(error) }),
    );
  }
} catch (error) {
  const record = toErrorRecord(error);
  tellSupervisor({ kind: "refused", error: record });
  // What a person can mend is told once, by the supervisor; a defect needs its stack.
  if (record.code === "INTERNAL") console.error(error);
  process.exitCode = 1;
  process.disconnect?.();
}
