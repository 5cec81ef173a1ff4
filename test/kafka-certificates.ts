/** An authority of a test's own, the broker's certificate and a client's by it, and an authority that signed neither. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface KafkaCertificates {
  readonly ca: string;
  readonly otherCa: string;
  /** Key and certificate in one file, as the broker reads them. For the name `localhost` alone. */
  readonly broker: string;
  readonly client: { readonly cert: string; readonly key: string; readonly encryptedKey: string; readonly passphrase: string };
}

/** Needs the program openssl. */
export function makeKafkaCertificates(folder: string): KafkaCertificates {
  mkdirSync(folder, { recursive: true });
  const at = (name: string): string => path.join(folder, name);
  const run = (...args: string[]): void => {
    const { status, stderr, error } = spawnSync("openssl", args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${error?.message ?? ""}${stderr ?? ""}`);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const name of ["ca", "other-ca"])
    run("req", "-x509", ...key, "-keyout", at(`${name}.key`), "-out", at(`${name}.pem`), "-days", "2", "-subj", `/CN=${name}`);
  const signed = (name: string, extensions: string): void => {
    run("req", ...key, "-keyout", at(`${name}.key`), "-out", at(`${name}.csr`), "-subj", `/CN=${name}`);
    writeFileSync(at(`${name}.ext`), extensions);
    const by = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", at(`${name}.ext`)];
    run("x509", "-req", "-in", at(`${name}.csr`), "-out", at(`${name}.pem`), ...by);
  };
  signed("broker", "subjectAltName=DNS:localhost\n");
  signed("client", "extendedKeyUsage=clientAuth\n");
  const passphrase = "key-passphrase-4711";
  run("pkey", "-in", at("client.key"), "-out", at("client-encrypted.key"), "-aes256", "-passout", `pass:${passphrase}`);
  writeFileSync(at("broker-both.pem"), readFileSync(at("broker.key"), "utf8") + readFileSync(at("broker.pem"), "utf8"));
  return {
    ca: at("ca.pem"),
    otherCa: at("other-ca.pem"),
    broker: at("broker-both.pem"),
    client: { cert: at("client.pem"), key: at("client.key"), encryptedKey: at("client-encrypted.key"), passphrase },
  };
}
