import { expect, it } from "vitest";
import { parseIso } from "../kernel/time.ts";
import type { Alert } from "./alert.ts";
import { toAlertmanager } from "./alertmanager.ts";

const open: Alert = {
  id: "late_arrival/drift/990000000000000",
  model: "late_arrival",
  kind: "drift",
  version: 2,
  status: "open",
  summary: "origin.late_share_1h: PSI 0.412 above 0.250, 3 windows in a row",
  findings: [{ subject: "origin.late_share_1h", measure: "psi", value: 0.412, threshold: 0.25 }],
  sinceUs: parseIso("2001-05-01"),
  raisedUs: parseIso("2001-05-04"),
};
const parts = { receiver: "ops", externalUrl: "http://127.0.0.1:4700" };

it("an open alert is a firing message of Alertmanager's webhook, version 4", () => {
  expect(toAlertmanager(open, parts)).toMatchInlineSnapshot(`
    {
      "alerts": [
        {
          "annotations": {
            "since": "2001-05-01T00:00:00Z",
            "summary": "origin.late_share_1h: PSI 0.412 above 0.250, 3 windows in a row",
          },
          "endsAt": "0001-01-01T00:00:00Z",
          "fingerprint": "cf464a87b7d394cb",
          "generatorURL": "http://127.0.0.1:4700/alerts/late_arrival%2Fdrift%2F990000000000000",
          "labels": {
            "alertname": "ModelDrift",
            "kind": "drift",
            "model": "late_arrival",
            "severity": "warning",
            "version": "2",
          },
          "startsAt": "2001-05-04T00:00:00Z",
          "status": "firing",
        },
      ],
      "commonAnnotations": {
        "since": "2001-05-01T00:00:00Z",
        "summary": "origin.late_share_1h: PSI 0.412 above 0.250, 3 windows in a row",
      },
      "commonLabels": {
        "alertname": "ModelDrift",
        "kind": "drift",
        "model": "late_arrival",
        "severity": "warning",
        "version": "2",
      },
      "externalURL": "http://127.0.0.1:4700",
      "groupKey": "{}:{alertname="ModelDrift", model="late_arrival"}",
      "groupLabels": {
        "alertname": "ModelDrift",
        "model": "late_arrival",
      },
      "receiver": "ops",
      "status": "firing",
      "truncatedAlerts": 0,
      "version": "4",
    }
  `);
});

it("a resolved alert keeps the fingerprint and gets its end", () => {
  const fired = toAlertmanager(open, parts);
  const done = toAlertmanager({ ...open, status: "resolved", resolvedUs: parseIso("2001-05-09T12:30") }, parts);
  expect(done.status).toBe("resolved");
  expect(done.alerts[0]).toEqual({ ...fired.alerts[0], status: "resolved", endsAt: "2001-05-09T12:30:00Z" });
});

it("alerts of different kinds or versions have different fingerprints", () => {
  const prints = [open, { ...open, kind: "quality" as const }, { ...open, version: 3 }].map((alert) => toAlertmanager(alert, parts).alerts[0]!.fingerprint);
  expect(new Set(prints).size).toBe(3);
});
