/** Errors of topics that are followed. Part of `error-catalogue.ts`, which says the rules. */
export const streamErrors = {
  STREAM_UNREACHABLE: {
    text: "{field}: the brokers cannot be reached: {problem}",
    remedy: "Check that the brokers run, that their addresses are right, and that topic.tls is declared where they speak TLS. It is tried again.",
    retryable: true,
  },
  STREAM_ACCOUNT_REFUSED: {
    text: "{field}: the brokers refuse the account: {problem}",
    remedy:
      "Correct the mechanism, or the user name and password in the variables or files that topic.sasl names. Files are read anew each time it is tried again.",
    retryable: false,
  },
  STREAM_TLS_REFUSED: {
    text: "{field}: no trusted connection: {problem}",
    remedy:
      "Give in topic.tls.caFile the authority that signed the brokers' certificates, in topic.tls.serverName the name in them where it is not the address, in certFile and keyFile a certificate that the brokers accept. Files are read anew each time it is tried again.",
    retryable: false,
  },
  STREAM_TOPIC_MISSING: {
    text: "{field}: the brokers have no topic {topic}",
    remedy: "Create the topic, or correct its name; it is looked for again. An account that may not describe it does not see it either.",
    retryable: true,
  },
  STREAM_FORBIDDEN: {
    text: "{field}: the account may not read topic {topic} ({problem})",
    remedy: "Let the account read and describe the topic at the brokers.",
    retryable: false,
  },
} as const;
