/** Tests of MLflow that this program does not answer for, by name (a whole-name pattern), each with the reason that goes into the table. */
const traces = "traces are out of scope: MLflow's generative-AI family, answered by a clean 404";
const evaluation = "evaluation datasets are out of scope: MLflow's generative-AI family, answered by a clean 404";
const gateway = "the AI gateway (secrets, endpoints, providers) is out of scope, answered by a clean 404";
const graphql = "GraphQL serves MLflow's own pages only; this program has pages of its own";
const scorers = "scorers are out of scope: MLflow's generative-AI family, answered by a clean 404";
const issues = "issues of traces are out of scope: MLflow's generative-AI family, answered by a clean 404";
const internals = "patches or reads the inside of MLflow's own server process, which is not running here";

export const outOfScope: readonly (readonly [pattern: string, reason: string])[] = [
  [".*graphql.*", graphql],
  [".*trace.*|test_rest_store_logs_spans_via_otel_endpoint|test_assessments_end_to_end", traces],
  [".*evaluation_dataset.*|.*dataset.*experiment.*|.*_experiments_.*rest_tracking|test_client_api_add_remove_experiments_rest_tracking", evaluation],
  [".*secret.*|.*endpoint.*|test_list_providers|test_list_models|test_get_provider_config|.*model_definition.*", gateway],
  ["test_scorer_CRUD|test_online_scoring_config", scorers],
  ["test_.*issues?(_.*)?", issues],
  ["test_create_promptlab_run_handler_.*", "prompt engineering runs are out of scope: MLflow's generative-AI family"],
  ["test_gateway_proxy_handler_rejects_invalid_requests", gateway],
  ["test_get_metric_history_bulk_calls_optimized_impl_when_expected", internals],
  [
    "test_get_metric_history_bulk_interval_respects_max_results",
    "the protocol changed: since then MLflow samples points and not steps, and its own server of the client's release fails this too",
  ],
  [
    "test_create_model_version_with_non_local_source",
    "the protocol changed: since then a source must lie in the artifacts of its run, and MLflow's own server of the client's release fails this too",
  ],
  ["test_create_model_version_with_validation_regex", "starts MLflow's own server itself, with an option of that server"],
];
