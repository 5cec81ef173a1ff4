import type { RegisteredModelDetail, RegisteredModelPage, RegisteredVersionDetail } from "../../../src/server/api-registry.ts";
import { get, request } from "../requests.ts";

const enc = encodeURIComponent;

export function registeredModels(text: string, token: string | undefined): Promise<RegisteredModelPage> {
  const query = new URLSearchParams();
  if (text !== "") query.set("text", text);
  if (token !== undefined) query.set("token", token);
  return request<RegisteredModelPage>(`/registry/models?${query.toString()}`);
}

export function registeredVersions(name: string, token: string | undefined): Promise<RegisteredModelDetail> {
  return request<RegisteredModelDetail>(`/registry/models/${enc(name)}${token === undefined ? "" : `?token=${enc(token)}`}`);
}

export const askRegistry = {
  version: (name: string, version: string) => get<RegisteredVersionDetail>("models", `/registry/models/${enc(name)}/versions/${enc(version)}`),
};
