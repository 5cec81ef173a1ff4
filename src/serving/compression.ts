/**
 * Bodies that come compressed and answers that leave so (Content-Encoding gzip and deflate; "deflate" is zlib's format, as RFC 9110 has it).
 * All of it runs on Node's thread pool, a few at a time: the log writes through the same pool.
 */
import type { FastifyRequest, RouteOptions } from "fastify";
import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { constants, deflate, gunzip, gzip, inflate } from "node:zlib";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { AtMost } from "./at-most.ts";
import { deadlineOf, refuseIfLate } from "./call.ts";
import { readTimeout, type Payload } from "./http-call.ts";
import type { ServingLimits } from "./limits.ts";

type Coding = "gzip" | "deflate";

/** Of the pool's four threads. */
const atOnce = 2;
/** More bodies in line than this are refused: each holds what was received of it. */
const maxBodiesInLine = 256;
/** With more answers in line than this the next one leaves as it is: it is sent sooner than it would be packed. */
const maxAnswersInLine = 8;
/** Shorter answers leave as they are: packing 8 kB takes as much processor time as answering does, and saves a few packets. */
const worthPackingBytes = 8192;
/** The fastest: a tenth larger than the default of 6, in a quarter of the time. */
const level = constants.Z_BEST_SPEED;

const packers = { gzip: promisify(gzip), deflate: promisify(deflate) };
const unpackers = { gzip: promisify(gunzip), deflate: promisify(inflate) };

export interface CompressionOptions {
  readonly limits: Pick<ServingLimits, "answerTimeoutMs">;
  readonly timerMs: () => number;
}

export class Compression {
  readonly #options: CompressionOptions;
  readonly #bodies = new AtMost(atOnce);
  readonly #answers = new AtMost(atOnce);

  constructor(options: CompressionOptions) {
    this.#options = options;
  }

  /** Whether a body has to be unpacked at all. */
  isPacked({ headers }: FastifyRequest): boolean {
    const coding = headers["content-encoding"];
    return coding !== undefined && coding !== "" && coding.toLowerCase() !== "identity";
  }

  /**
   * The body as it was before its Content-Encoding.
   * @param maxBytes of the unpacked body; nothing beyond it is unpacked
   * @throws CONTENT_ENCODING_REFUSED, UNPACKED_BODY_TOO_LARGE, BODY_NOT_UNPACKED, DEADLINE_PASSED, SERVER_OVERLOADED
   */
  async unpack(request: FastifyRequest, body: Uint8Array, maxBytes: number): Promise<Buffer> {
    const said = request.headers["content-encoding"] ?? "";
    const coding = codingOf(said);
    // Two codings, one in the other, are two bombs.
    if (coding === undefined) throw new KarkhanaError("CONTENT_ENCODING_REFUSED", { value: said.slice(0, 100) });
    const { limits, timerMs } = this.#options;
    if (this.#bodies.waiting >= maxBodiesInLine) throw new KarkhanaError("SERVER_OVERLOADED", { inFlight: this.#bodies.waiting });
    const { startedMs } = request;
    const deadlineMs = deadlineOf(startedMs, limits.answerTimeoutMs, readTimeout(request.headers));
    return this.#bodies.run(async () => {
      refuseIfLate({ startedMs, deadlineMs }, timerMs());
      try {
        // A stream of several gzip members is one body (RFC 1952), and anything else behind the first is refused by itself.
        return await unpackers[coding](body, { maxOutputLength: maxBytes, rejectGarbageAfterEnd: coding === "deflate" });
      } catch (error) {
        if (error instanceof RangeError) throw new KarkhanaError("UNPACKED_BODY_TOO_LARGE", { encoding: coding, maxBytes });
        if (codeOf(error) !== undefined || !(error instanceof Error)) throw error;
        throw new KarkhanaError("BODY_NOT_UNPACKED", { encoding: coding, problem: error.message.slice(0, 100) });
      }
    });
  }

  /** @returns the answer in the coding its client asks for; undefined, or a promise of it, where it had better leave as it is */
  pack(headers: IncomingHttpHeaders, payload: string | Payload): Promise<Payload | undefined> | undefined {
    const body = typeof payload === "string" ? payload : payload.body;
    if (body.length < worthPackingBytes || this.#answers.waiting >= maxAnswersInLine) return undefined;
    const coding = acceptedCoding(headers["accept-encoding"]);
    if (coding === undefined) return undefined;
    return this.#answers.run(async () => {
      const packed = await packers[coding](body, { level });
      if (packed.length >= Buffer.byteLength(body)) return undefined;
      // Inference-Header-Content-Length stays that of the JSON before it was packed, as Triton has it.
      const own = typeof payload === "string" ? undefined : payload.headers;
      return { body: packed, headers: { ...own, "content-encoding": coding, vary: "accept-encoding" } };
    });
  }

  /** For the routes that report (metrics, statistics): what they send is packed as answers are. */
  packsReports(route: RouteOptions): void {
    if (route.method !== "GET") return;
    route.onSend = async (request, reply, payload) => {
      if (typeof payload !== "string") return payload;
      const packed = await this.pack(request.headers, payload);
      if (packed === undefined) return payload;
      reply.headers(packed.headers ?? {});
      return packed.body;
    };
  }
}

function codingOf(name: string): Coding | undefined {
  const plain = name.trim().toLowerCase();
  return plain === "gzip" || plain === "x-gzip" ? "gzip" : plain === "deflate" ? "deflate" : undefined;
}

/** By their weights; gzip before deflate where they are equal, and neither where `identity` is preferred to both. */
function acceptedCoding(header: string | string[] | undefined): Coding | undefined {
  if (header === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const part of String(header).split(",")) {
    const [name = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    weights.set(codingOf(name) ?? name, weight === undefined ? 1 : Number(weight.slice(2)));
  }
  const weightOf = (coding: Coding): number => weights.get(coding) ?? weights.get("*") ?? 0;
  const best = weightOf("deflate") > weightOf("gzip") ? "deflate" : "gzip";
  return weightOf(best) > 0 && !((weights.get("identity") ?? 0) > weightOf(best)) ? best : undefined;
}
