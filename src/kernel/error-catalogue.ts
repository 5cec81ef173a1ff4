/**
 * Every error this program can raise, by room. A code is never renamed and never reused once released.
 * `text` may hold {placeholders} filled from the error's details. `remedy` tells the reader what to do.
 * `docs/errors.md` lists exactly these codes; a test holds the two together.
 * Rooms know codes only; `server/error-status.ts` alone knows HTTP statuses.
 */
export const errorCatalogue = {
  // kernel
  INVALID_ARGUMENT: { text: "{field}: {problem} (got {value})", remedy: "Correct the field named in the message.", retryable: false },
  INVALID_CONFIG: {
    text: "Configuration {field}: {problem} (got {value})",
    remedy: "Correct the flag or environment variable named in the message; `karkhana doctor` lists them.",
    retryable: false,
  },
  SHAPE_MISMATCH: { text: "{field}: expected shape {expected}, got {actual}", remedy: "Pass arrays of the stated shape.", retryable: false },
  INTERNAL: { text: "Internal error: {problem}", remedy: "This is a defect. Report it with the request id.", retryable: false },
} as const;

export type ErrorCode = keyof typeof errorCatalogue;
