/** Errors of HTTP itself, in both servers: a part of `error-catalogue.ts`. */
export const httpErrors = {
  ROUTE_NOT_FOUND: {
    text: "There is no {method} {path}",
    remedy: "Check the address and the method; the server's API description lists them.",
    retryable: false,
  },
  REQUEST_MALFORMED: { text: "The request is not readable: {problem}", remedy: "Send a well-formed HTTP/1.1 request with a JSON body.", retryable: false },
  CONTENT_TYPE_REFUSED: { text: "Content type {value} is not read here", remedy: "Send the header content-type: application/json.", retryable: false },
  CONTENT_ENCODING_REFUSED: {
    text: "Header content-encoding: {value} is not read here",
    remedy: "Compress the body once, with gzip or deflate (zlib's format), or send it as it is without the header.",
    retryable: false,
  },
  BODY_NOT_UNPACKED: {
    text: "The body is not the {encoding} that its header content-encoding says: {problem}",
    remedy: "Compress the whole body once, in the format of the header (deflate is zlib's format), and send all of it.",
    retryable: false,
  },
  UNPACKED_BODY_TOO_LARGE: {
    text: "The body unpacked from {encoding} is larger than {maxBytes} bytes",
    remedy: "Send it in several requests.",
    retryable: false,
  },
  BODY_TOO_LARGE: { text: "The body is larger than {maxBytes} bytes", remedy: "Send it in several requests.", retryable: false },
  HOST_REFUSED: {
    text: "Host {value} is not one this server answers to",
    remedy: "Call it as 127.0.0.1 or localhost, or configure the name as allowed.",
    retryable: false,
  },
  ORIGIN_REFUSED: { text: "Requests from the web page {value} are refused", remedy: "Call from the server's own pages or from a program.", retryable: false },
} as const;
