import { routingKey } from "../feedback/assignment.ts";
import type { PredictionRole } from "../feedback/prediction.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { RequestFields } from "./request-fields.ts";
import type { InForce, LoadedVersion, ServedModel } from "./served-model.ts";

/** Who is to answer a question, and as what. */
export interface Place {
  readonly version: LoadedVersion;
  readonly role: PredictionRole;
}

/** As the deployment's weights say, whichever protocol the question came by. A challenger that would not load leaves its share to the champion. */
export function placeFor(model: ServedModel, inForce: InForce, id: string, fields: Readonly<RequestFields> | undefined): Place {
  const { champion, challengers, armOf } = inForce;
  if (challengers.length > 0) {
    const arm = armOf(routingKey(id, fields, model.definition.serving.stickyBy ?? []));
    const challenger = arm === 0 ? undefined : challengers[arm - 1];
    if (challenger !== undefined) return { version: challenger, role: "challenger" };
  }
  return { version: champion, role: "champion" };
}

/** The version that a question names. @throws MODEL_VERSION_NOT_LOADED */
export function placeNamed(model: ServedModel, versionText: string): Place {
  const loaded = model.loadedVersions();
  const found = loaded.find(({ version }) => String(version.version) === versionText);
  if (found !== undefined) return found;
  throw new KarkhanaError("MODEL_VERSION_NOT_LOADED", {
    model: model.definition.name,
    version: versionText.slice(0, 40),
    loaded: loaded.map(({ version }) => version.version).join(", "),
  });
}
