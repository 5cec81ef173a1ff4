import { readFileSync } from "node:fs";
import protobuf from "protobufjs";

/** Messages of the inference service and of gRPC's health service, read from the .proto files beside this one. */
const root = new protobuf.Root();
for (const file of ["inference.proto", "health.proto"]) protobuf.parse(readFileSync(new URL(`./${file}`, import.meta.url), "utf8"), root, { keepCase: true });
root.resolveAll();

/** What a decoded message is: its fields by wire name. 64-bit whole numbers are read with `toNumber`. */
export type Message = Readonly<Record<string, unknown>>;

export interface MessageType {
  /** @throws whatever the bytes make protobufjs throw */
  decode(bytes: Uint8Array): Message;
  encode(message: Message): Buffer;
}

/** @param name such as "inference.ModelInferRequest" */
export function messageType(name: string): MessageType {
  const type = root.lookupType(name);
  return {
    decode: (bytes) => type.decode(bytes),
    encode: (message) => Buffer.from(type.encode(message).finish()),
  };
}

/** Methods of a service with the names of their messages. */
export function serviceMethods(
  name: string,
): readonly { readonly name: string; readonly request: string; readonly reply: string; readonly streams: boolean }[] {
  const service = root.lookupService(name);
  return service.methodsArray.map((method) => ({
    name: method.name,
    request: typeName(method.resolvedRequestType),
    reply: typeName(method.resolvedResponseType),
    streams: method.requestStream === true || method.responseStream === true,
  }));
}

function typeName(type: protobuf.Type | null): string {
  return (type?.fullName ?? "").replace(/^\./, "");
}

/** A 64-bit field as a double: protobufjs gives a number, or an object of two halves where the package `long` is there. */
export function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "object" && value !== null && "low" in value && "high" in value && typeof value.low === "number" && typeof value.high === "number") {
    const high = "unsigned" in value && value.unsigned === true ? value.high >>> 0 : value.high;
    return high * 4_294_967_296 + (value.low >>> 0);
  }
  return Number.NaN;
}

export function toBigInt(value: unknown): bigint {
  if (typeof value === "object" && value !== null && "low" in value && "high" in value && typeof value.low === "number" && typeof value.high === "number") {
    const high = "unsigned" in value && value.unsigned === true ? value.high >>> 0 : value.high;
    return (BigInt(high) << 32n) | BigInt(value.low >>> 0);
  }
  return BigInt(typeof value === "number" ? value : 0);
}

/** A text field; empty where it is absent. */
export function textOf(message: Message, field: string): string {
  const value = message[field];
  return typeof value === "string" ? value : "";
}
