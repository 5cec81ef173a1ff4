import { expect, test } from "vitest";
import { addressText, and, conditionOf, fieldOf, orderOf, readAddress } from "./address.ts";
import { chartsOf } from "./charts-of.ts";
import { metricText, usualColumns } from "./cells.tsx";
import { smoothed } from "./smoothing.ts";

test("an address reads back as it was written, without the name of its view and without what it does not know", () => {
  const address = { e: "1,2", q: "params.`a b` = 'x&y'", sort: "-m.auc", cols: "m.auc,p.a b", group: "p.lr", view: "mine" };
  const text = addressText(address);
  expect(readAddress(Object.fromEntries(new URLSearchParams(text)))).toEqual({ ...address, view: undefined });
  expect(readAddress({ e: "1", other: "x", q: "", sort: 5 })).toEqual({ e: "1" });
});

test("columns and orders become the search language, whatever their names hold", () => {
  expect(fieldOf("m.val loss")).toBe("metrics.`val loss`");
  expect(orderOf("-m.auc")).toBe("metrics.`auc` DESC");
  expect(orderOf("a.run_name")).toBe("attributes.`run_name` ASC");
  expect(orderOf(undefined)).toBe(null);
});

test("a group opens as a condition that keeps what was asked before; a value without quotes of the language does not", () => {
  expect(conditionOf("p.lr", "0.1")).toBe("params.`lr` = '0.1'");
  expect(conditionOf("t.who", "it's")).toBe('tags.`who` = "it\'s"');
  expect(conditionOf("t.who", `it's "so"`)).toBe(undefined);
  expect(conditionOf("p.lr", null)).toBe("params.`lr` IS NULL");
  expect(and("a = 1 OR b = 2", "c = 3")).toBe("(a = 1 OR b = 2) AND c = 3");
  expect(and("", "c = 3")).toBe("c = 3");
});

test("smoothing of weight 0 changes nothing, of a constant neither, starts at the first value and passes by what is missing", () => {
  expect(smoothed([1, null, 3], 0)).toEqual([1, null, 3]);
  expect(smoothed([2, 2, 2], 0.9).map((v) => v!.toFixed(12))).toEqual(["2.000000000000", "2.000000000000", "2.000000000000"]);
  // (0.5 * 1 * 0.5 + 3 * 0.5) / (1 - 0.25), as TensorBoard has it.
  expect(smoothed([1, null, 3], 0.5)).toEqual([1, null, (0.25 + 1.5) / 0.75]);
});

test("curves of training and validation are one chart, others their own", () => {
  expect(chartsOf(["train_loss", "valid_loss", "loss_test", "auc", "val"]).map((c) => [c.name, c.keys])).toEqual([
    ["loss", ["train_loss", "valid_loss", "loss_test"]],
    ["auc", ["auc"]],
    ["val", ["val"]],
  ]);
  expect(chartsOf(["group/validation_metric", "group/loss"]).map((c) => c.name)).toEqual(["group/validation_metric", "group/loss"]);
});

test("a table starts with the best known metrics and the commonest params; values that are no numbers have words", () => {
  expect(usualColumns({ metrics: ["zeta", "my_loss", "auc"], params: ["a", "b", "c", "d"] })).toEqual(["m.auc", "m.my_loss", "m.zeta", "p.a", "p.b", "p.c"]);
  expect([metricText(0.5), metricText(12), metricText("NaN"), metricText("-Infinity"), metricText(undefined)]).toEqual(["0.5000", "12", "NaN", "−∞", "–"]);
});
