import { expect, test } from "vitest";
import { kafka } from "./source.ts";

const of = (topic: object): unknown =>
  kafka("orders", { topic: { topic: "orders", brokers: ["kafka:9093"], ...topic }, schema: { at: "timestamp" }, eventTime: "at" });
const account = { mechanism: "PLAIN", usernameVariable: "USER", passwordVariable: "PASSWORD" };

test("secrets are named by a variable or a file", () => {
  expect(of({ tls: { caFile: "ca.pem" }, sasl: account })).toMatchObject({ name: "orders" });
  expect(of({ tls: true, sasl: { mechanism: "SCRAM-SHA-512", usernameVariable: "USER", passwordFile: "/run/secrets/password" } })).toMatchObject({
    name: "orders",
  });
});

test.each([
  [{ sasl: { ...account, passwordFile: "p" } }, "topic.sasl.passwordVariable"],
  [{ sasl: { mechanism: "PLAIN", passwordFile: "p" } }, "topic.sasl.usernameVariable"],
  [{ sasl: { ...account, mechanism: "GSSAPI" } }, "topic.sasl.mechanism"],
  [{ tls: { certFile: "c.pem" } }, "topic.tls.certFile"],
  [{ tls: { rejectUnauthorized: false } }, "topic.tls.rejectUnauthorized"],
])("%j is refused by field", (topic, field) => {
  expect(() => of(topic)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(field) }));
});

test("a secret that was written into the project is refused, and not repeated", () => {
  const refused = (): unknown => of({ sasl: { ...account, password: "hunter2" } });
  expect(refused).toThrow(expect.objectContaining({ message: expect.stringContaining("topic.sasl.password") }));
  expect(refused).not.toThrow(/hunter2/);
});
