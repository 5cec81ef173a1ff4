import fc from "fast-check";
import { expect, test } from "vitest";
import { AnswerReader } from "./answer.ts";

const answers: readonly (readonly [text: string, status: string])[] = [
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a;x=y\r\ncontent-length: 4\r\n\r\nabcdef\r\n0\r\n\r\n", "200"],
  ["HTTP/1.1 500 Internal Server Error\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-after: 1\r\n\r\n", "500"],
  ["HTTP/1.1 204 No Content\r\n\r\n", "204"],
  ["HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n", "429"],
];

test("an answer is told at its last byte, however its bytes arrive, one after the other", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...answers), { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (sent, cuts) => {
        const reader = new AnswerReader();
        let cut = 0;
        for (const [text, status] of sent) {
          const bytes = Buffer.from(text, "latin1");
          for (let at = 0; at < bytes.length;) {
            const end = Math.min(bytes.length, at + cuts[cut++ % cuts.length]!);
            expect(reader.read(bytes.subarray(at, end))).toBe(end === bytes.length ? status : undefined);
            at = end;
          }
        }
      },
    ),
  );
});
