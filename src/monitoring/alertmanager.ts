import { sha256 } from "../kernel/hashing.ts";
import { formatIso } from "../kernel/time.ts";
import type { Alert } from "./alert.ts";

/** Alertmanager's webhook body, version "4"; field names are the protocol's. */
export interface AlertmanagerMessage {
  readonly version: "4";
  readonly groupKey: string;
  readonly truncatedAlerts: number;
  readonly status: "firing" | "resolved";
  readonly receiver: string;
  readonly groupLabels: Readonly<Record<string, string>>;
  readonly commonLabels: Readonly<Record<string, string>>;
  readonly commonAnnotations: Readonly<Record<string, string>>;
  readonly externalURL: string;
  readonly alerts: readonly AlertmanagerAlert[];
}

export interface AlertmanagerAlert {
  readonly status: "firing" | "resolved";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339 */
  readonly startsAt: string;
  /** RFC 3339; the zero time while the alert fires. */
  readonly endsAt: string;
  readonly generatorURL: string;
  /** 16 hex digits, of the labels: receivers know a repetition by it. */
  readonly fingerprint: string;
}

const alertNames: Readonly<Record<Alert["kind"], string>> = {
  drift: "ModelDrift",
  quality: "ModelQualityDrop",
  pipeline: "ModelPipelineFault",
  parity: "FeatureParityBroken",
  freshness: "FeaturesStale",
};

/**
 * One alert as a message of its own group (model and kind).
 * @param externalUrl address of the console, without a final slash
 * @see Prometheus documentation, Alertmanager configuration, webhook_config
 */
export function toAlertmanager(alert: Alert, parts: { readonly receiver: string; readonly externalUrl: string }): AlertmanagerMessage {
  const status = alert.status === "open" ? "firing" : "resolved";
  const groupLabels = { alertname: alertNames[alert.kind], model: alert.model };
  const labels = { ...groupLabels, kind: alert.kind, version: String(alert.version), severity: "warning" };
  const annotations = { summary: alert.summary, since: formatIso(alert.sinceUs) };
  const rendered: AlertmanagerAlert = {
    status,
    labels,
    annotations,
    startsAt: formatIso(alert.raisedUs),
    endsAt: alert.resolvedUs === undefined ? "0001-01-01T00:00:00Z" : formatIso(alert.resolvedUs),
    generatorURL: `${parts.externalUrl}/alerts/${encodeURIComponent(alert.id)}`,
    fingerprint: sha256(JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))).slice(0, 16),
  };
  return {
    version: "4",
    groupKey: `{}:{alertname=${JSON.stringify(groupLabels.alertname)}, model=${JSON.stringify(alert.model)}}`,
    truncatedAlerts: 0,
    status,
    receiver: parts.receiver,
    groupLabels,
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: parts.externalUrl,
    alerts: [rendered],
  };
}
